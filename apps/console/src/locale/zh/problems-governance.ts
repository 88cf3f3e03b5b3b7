import type { Sentences } from "../sentences.ts";

/** What rules say of a change. */
export const GOVERNANCE_PROBLEMS = {
  CHANGE_FROZEN: [
    "{kind} 窗口 {window} 期间变更不能开始，直到 {until}。",
    "用 `--wait` 开始；紧急情况下用 `--emergency --reason`；回滚始终允许。",
  ],
  CHANGE_WINDOW_CLOSED: [
    "变更只能在 {window} 内开始，下一次为 {until}。",
    "用 `--wait` 开始；紧急情况下用 `--emergency --reason`；回滚始终允许。",
  ],
  ADMISSION_REFUSED: ["不满足准入规则 {rule}：{problem}。", "请先满足其要求；`evenkeel admission-rule show` 可查看。"],
  APPROVAL_MISSING: ["缺少 {rules} 要求的审批。", "请再次开始：之后它会等待可以审批的人。"],
  APPROVAL_NOT_YOURS: ["{principal} 不能批准此变更：{problem}。", "请找 {approvers} 中的一位。"],
  PLAN_CHANGED: ["您读到的计划已不再是此变更的计划。", "请重新阅读：`evenkeel change show`，然后再决定。"],
  CHANGE_REJECTED: ["{by} 已驳回：{reason}。", "请重新计划，或取消。"],
  REVIEW_OPEN: ["{title} 由 {startedBy} 以紧急方式开始：{reason}。", "事后由他人复核：`evenkeel review sign`。"],
  REVIEW_OWN: ["{principal} 是发起人，不能自己复核。", "请让他人复核。"],
  REVIEW_DONE: ["{reviewedBy} 已经复核过。", "无需再做什么。"],
  STEP_UNKNOWN: ["没有人知道 {target} 上的步骤 {step} 结果如何。", "请等待其服务器；如果您确知已丢失，可判定丢失。"],
  START_LATER: ["将于 {at} 开始。", "请等到那时；若要现在开始，请重新计划。"],
  HOLDERS_MANY: ["{resource} 被多个变更持有：{holders}。", "请用 `--change` 指明是哪一个。"],
  RESOURCE_IN_USE: ["{resource} 正被 {users} 使用。", "请先修改或移除它们。"],
  LIMIT_REACHED: ["{resource} 已达到 {limit} 个。", "请移除不需要的。"],
} as const satisfies Record<string, Sentences>;
