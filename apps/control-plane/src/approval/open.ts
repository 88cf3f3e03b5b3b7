import type { ApprovalRule, OpenApproval } from "@evenkeel/contracts/approval";
import { say } from "@evenkeel/contracts/phrase";

/** Who is in which group, by name. */
export type Members = ReadonlyMap<string, readonly string[]>;

export interface Approvable {
  /** Who made the change, and who made its plan as it is. */
  readonly authors: readonly string[];
  /** Who has approved this plan. */
  readonly approvedBy: readonly string[];
}

/** Those who may approve by a rule, be it as themselves or as members. */
export function approversOf(rule: Pick<ApprovalRule, "groups" | "principals">, members: Members): string[] {
  return [...new Set([...rule.principals, ...rule.groups.flatMap((group) => members.get(group) ?? [])])];
}

/** Says whether a principal's word counts for a rule. */
export function countsFor(
  rule: Pick<ApprovalRule, "groups" | "principals" | "creatorMayApprove">,
  members: Members,
  { principal, authors }: { readonly principal: string; readonly authors: readonly string[] },
): boolean {
  return (rule.creatorMayApprove || !authors.includes(principal)) && approversOf(rule, members).includes(principal);
}

/** What these rules still ask of a plan. One word counts for every rule that takes it. */
export function openApprovals(rules: readonly ApprovalRule[], members: Members, plan: Approvable): OpenApproval[] {
  return rules.flatMap((rule) => {
    const { name, count, groups, principals, creatorMayApprove } = rule;
    const approvedBy = plan.approvedBy.filter((principal) =>
      countsFor(rule, members, { principal, authors: plan.authors }),
    );
    if (approvedBy.length >= count) return [];
    return [{ rule: name, count, approvedBy, groups, principals, creatorMayApprove }];
  });
}

/** Why a principal's word is of no use now; null = it is. */
export function approvalProblem(
  open: readonly OpenApproval[],
  members: Members,
  { principal, authors }: { readonly principal: string; readonly authors: readonly string[] },
): string | null {
  // Rules that were there when it was started are gone: anybody with the permission lets it go on.
  if (open.length === 0 || open.some((rule) => countsFor(rule, members, { principal, authors }))) return null;
  const named = open.some((rule) => approversOf(rule, members).includes(principal));
  if (!named) return say("why.no-rule-names", { principal });
  return authors.includes(principal) ? say("why.author") : say("why.no-rule-names", { principal });
}
