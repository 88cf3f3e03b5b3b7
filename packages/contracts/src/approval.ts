import { z } from "zod";
import { ChangeScope } from "./change-scope.ts";
import { endpoint, page, pageQuery } from "./endpoint.ts";
import { ChangeId, Digest, Moment, Name } from "./id.ts";
import { PrincipalName } from "./principal.ts";

/** Changes of the scope begin after `count` of these principals, or of the members of these groups, have approved. */
export const SetApprovalRule = z
  .strictObject({
    scope: ChangeScope.prefault({}),
    groups: z.array(Name).max(50).default([]),
    principals: z.array(PrincipalName).max(50).default([]),
    count: z.int().min(1).max(20).default(1),
    /** Whoever made the change or its plan counts as an approver too. */
    creatorMayApprove: z.boolean().default(false),
  })
  .refine(({ groups, principals }) => groups.length + principals.length > 0, {
    path: ["groups"],
    message: "groups or principals: somebody must be able to approve",
  });
export type SetApprovalRule = z.infer<typeof SetApprovalRule>;

export const ApprovalRule = z.strictObject({
  name: Name,
  ...SetApprovalRule.shape,
  version: z.int(),
  createdAt: Moment,
});
export type ApprovalRule = z.infer<typeof ApprovalRule>;

/** What one rule still asks of a change. */
export const OpenApproval = z.strictObject({
  rule: Name,
  count: z.int(),
  approvedBy: z.array(PrincipalName),
  groups: z.array(Name),
  principals: z.array(PrincipalName),
  creatorMayApprove: z.boolean(),
});
export type OpenApproval = z.infer<typeof OpenApproval>;

/** A change that waits for approval; `mine` = the caller may give one of those that it lacks. */
export const AwaitedApproval = z.strictObject({
  changeId: ChangeId,
  title: z.string(),
  kind: z.string(),
  workspace: Name,
  createdBy: z.string(),
  planDigest: Digest,
  since: Moment,
  open: z.array(OpenApproval),
  mine: z.boolean(),
});
export type AwaitedApproval = z.infer<typeof AwaitedApproval>;

const byRule = z.strictObject({ rule: Name });

export const approvalEndpoints = {
  listApprovalRules: endpoint("GET", "/approval-rules", {
    needs: "approval-rule:read",
    query: pageQuery,
    reply: page(ApprovalRule),
  }),
  getApprovalRule: endpoint("GET", "/approval-rules/{rule}", {
    needs: "approval-rule:read",
    params: byRule,
    reply: ApprovalRule,
  }),
  /** Makes it, or replaces the one of this name. */
  setApprovalRule: endpoint("PUT", "/approval-rules/{rule}", {
    needs: "approval-rule:update",
    params: byRule,
    body: SetApprovalRule,
    reply: ApprovalRule,
  }),
  removeApprovalRule: endpoint("DELETE", "/approval-rules/{rule}", {
    needs: "approval-rule:delete",
    params: byRule,
    status: 204,
  }),
  /** Changes that wait for approval, oldest first; `of=me`: those only that the caller may approve. */
  listApprovals: endpoint("GET", "/approvals", {
    needs: "change:read",
    query: pageQuery.extend({ of: z.enum(["me", "all"]).default("me") }),
    reply: page(AwaitedApproval),
  }),
};
