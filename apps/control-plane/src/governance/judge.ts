import type { AdmissionRule } from "@evenkeel/contracts/admission";
import type { ApprovalRule } from "@evenkeel/contracts/approval";
import type { ChangeScope } from "@evenkeel/contracts/change-scope";
import { PlatformError, type Refusal, refuse } from "@evenkeel/contracts/error";
import { say } from "@evenkeel/contracts/phrase";
import type { Kysely } from "kysely";
import { admissionProblem, admissionRules, bitsThatSucceeded } from "../admission/index.ts";
import {
  approvalProblem,
  approvalRules,
  approvedBy,
  approversOf,
  insertApproval,
  openApprovals,
} from "../approval/index.ts";
import type { GovernedChange, Judgement } from "../change/index.ts";
import { covers, scopedChanges } from "../change-scope/index.ts";
import type { Database } from "../database.ts";
import { membersByGroup } from "../principal-group/index.ts";
import { type NamedWindow, shutAt, windows } from "../window/index.ts";
import { databaseNowMs } from "./store.ts";

/** The rules that are about one change. */
interface Rules {
  readonly windows: readonly NamedWindow[];
  readonly approvals: readonly ApprovalRule[];
  readonly admissions: readonly AdmissionRule[];
}

async function rulesFor(tx: Kysely<Database>, change: GovernedChange): Promise<Rules> {
  const { tenantId } = change;
  const all = {
    windows: await windows.all(tx, tenantId),
    approvals: await approvalRules.all(tx, tenantId),
    admissions: await admissionRules.all(tx, tenantId),
  };
  if (Object.values(all).every((rules) => rules.length === 0)) return all;
  const [scoped] = await scopedChanges(tx, [change]);
  const mine = <Rule extends { readonly scope: ChangeScope }>(rules: readonly Rule[]) =>
    rules.filter(({ scope }) => covers(scope, scoped!));
  return { windows: mine(all.windows), approvals: mine(all.approvals), admissions: mine(all.admissions) };
}

/** What the windows, approval rules and admission rules that are about a change say of its start. */
export async function judge(tx: Kysely<Database>, change: GovernedChange, at: string | null): Promise<Judgement> {
  const rules = await rulesFor(tx, change);
  const moment = at === null ? await databaseNowMs(tx) : Date.parse(at);
  const shut = shutAt(rules.windows, moment);
  const approvals = await openFor(tx, change, rules.approvals);
  const unmet = await unmetOf(tx, change, rules.admissions);
  const refusal = (one: Unmet | undefined): Refusal | null =>
    one === undefined ? null : refuse("ADMISSION_REFUSED", { rule: one.rule.name, problem: one.problem });
  if (!change.emergency) return { refusal: refusal(unmet[0]), shut: shut?.refusal ?? null, approvals, waived: [] };
  return {
    refusal: refusal(unmet.find(({ rule }) => !rule.waivedInEmergency)),
    shut: null,
    approvals: [],
    waived: [
      ...(shut === null ? [] : [say("waived.window", { window: String(shut.refusal.facts.window) })]),
      ...approvals.map(({ rule }) => say("waived.approval", { rule })),
      ...unmet
        .filter(({ rule }) => rule.waivedInEmergency)
        .map(({ rule }) => say("waived.admission", { rule: rule.name })),
    ],
  };
}

async function openFor(tx: Kysely<Database>, change: GovernedChange, rules: readonly ApprovalRule[]) {
  if (rules.length === 0) return [];
  const members = await membersByGroup(tx, change.tenantId);
  const approved = (await approvedBy(tx, [change]))(change);
  return openApprovals(rules, members, { authors: change.authors, approvedBy: approved });
}

interface Unmet {
  readonly rule: AdmissionRule;
  readonly problem: string;
}

async function unmetOf(
  tx: Kysely<Database>,
  { tenantId, plan }: GovernedChange,
  rules: readonly AdmissionRule[],
): Promise<Unmet[]> {
  const { applications, irreversible } = plan;
  const workspaces = rules.flatMap(({ criterion }) => (criterion.kind === "succeeded-in" ? [criterion.workspace] : []));
  const succeeded = await bitsThatSucceeded(tx, { tenantId, workspaces, applications });
  return rules.flatMap((rule) => {
    const problem = admissionProblem(rule.criterion, { applications, irreversible, succeeded });
    return problem === null ? [] : [{ rule, problem }];
  });
}

/** Stores one principal's word for the plan as it is, or refuses it with those whose word would count. */
export async function approve(tx: Kysely<Database>, change: GovernedChange, principal: string): Promise<void> {
  const { approvals: rules } = await rulesFor(tx, change);
  const open = await openFor(tx, change, rules);
  const members = await membersByGroup(tx, change.tenantId);
  const { authors, changeId, planDigest, tenantId } = change;
  const problem = approvalProblem(open, members, { principal, authors });
  if (problem !== null) {
    const approvers = [...new Set(open.flatMap((rule) => approversOf(rule, members)))];
    throw new PlatformError("APPROVAL_NOT_YOURS", {
      principal,
      problem,
      approvers: approvers.length === 0 ? [say("why.nobody-in-groups")] : approvers,
    });
  }
  await insertApproval(tx, { tenantId, changeId, planDigest, principal });
}
