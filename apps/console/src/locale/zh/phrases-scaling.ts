import type { SCALING_PHRASES } from "@evenkeel/contracts/phrase-catalogue/scaling";

/** What a scaling rule found, and why it did what it did. */
export const SCALING = {
  "scaling.nowhere": "{module} 不在 {cluster} 的任何基座上",
  "scaling.under-way": "它的上一次变更尚未结束",
  "scaling.few-told": "{total} 个基座中有 {count} 个上报：没有全部上报时不会决定减少",
  "scaling.some-told": "{total} 个基座中有 {count} 个上报",
  "scaling.steps-known": "每 {seconds} 秒一段，{total} 段中已知 {count} 段的{metric}",
  "scaling.says-nothing": "{metric}没有意义：{module} 没有收到任何请求",
  "scaling.at-least": "至少 {count} 个",
  "scaling.at-most": "最多 {count} 个",
  "scaling.above": "{metric}最低为 {number}，高于 {limit}",
  "scaling.below": "{metric}最高为 {number}，低于 {limit}",
  "scaling.between": "{metric}为 {number}，介于 {from} 与 {to} 之间",
  "scaling.would": "{metric}为 {number}，若只有 {count} 个基座则会达到 {expected}",
  "scaling.not-before": "{said}；{seconds} 秒之后才会执行",
  "scaling.scale": "{said}：{before} → {wanted} 个基座",
} as const satisfies Readonly<Record<keyof typeof SCALING_PHRASES, string>>;
