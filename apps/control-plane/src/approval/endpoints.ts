import type { AwaitedApproval } from "@evenkeel/contracts/approval";
import type { Kysely } from "kysely";
import { governedOf, listAwaitingApproval } from "../change/index.ts";
import { checkScope, covers, scopedChanges } from "../change-scope/index.ts";
import type { Database } from "../database.ts";
import { type Caller, type Handlers, pageStart, toPage } from "../http/index.ts";
import { getGroup, membersByGroup, principalIds } from "../principal-group/index.ts";
import { approvalProblem, openApprovals } from "./open.ts";
import { approvalRules, approvedBy } from "./store.ts";

export interface ApprovalDeps {
  readonly db: Kysely<Database>;
  readonly kinds: ReadonlySet<string>;
}

type Rules = "listApprovalRules" | "getApprovalRule" | "setApprovalRule" | "removeApprovalRule";

export function approvalHandlers({ db, kinds }: ApprovalDeps): Handlers<Rules | "listApprovals"> {
  return {
    listApprovalRules: ({ caller, query }) => approvalRules.list(db, caller.tenantId, query),
    getApprovalRule: ({ caller, params }) => approvalRules.get(db, caller.tenantId, params.rule),
    setApprovalRule: async ({ caller: { tenantId }, params: { rule: name }, body, effect, audit }) => {
      audit.details = body;
      return await effect(async (tx) => {
        await checkScope(tx, { tenantId, scope: body.scope, kinds });
        for (const group of body.groups) await getGroup(tx, tenantId, group);
        await principalIds(tx, tenantId, body.principals);
        return await approvalRules.set(tx, tenantId, { name, definition: body });
      });
    },
    removeApprovalRule: async ({ caller, params: { rule }, effect }) => {
      await effect(async (tx) => {
        await approvalRules.remove(tx, caller.tenantId, rule);
        return undefined;
      });
    },
    listApprovals: async ({ caller, query }) => {
      const rows = await listAwaitingApproval(db, { tenantId: caller.tenantId, ...pageStart(query) });
      const awaited = await showAwaited(db, caller, rows);
      const { items, nextCursor } = toPage(awaited, query, { show: (one) => one, keyOf: ({ changeId }) => changeId });
      // A page may hold fewer than asked for; the cursor goes on behind all that were looked at.
      return { items: items.filter(({ mine }) => query.of === "all" || mine), nextCursor };
    },
  };
}

async function showAwaited(
  db: Kysely<Database>,
  { tenantId, principalName: principal }: Caller,
  rows: Awaited<ReturnType<typeof listAwaitingApproval>>,
): Promise<AwaitedApproval[]> {
  const governed = rows.map(governedOf);
  const rules = await approvalRules.all(db, tenantId);
  const members = await membersByGroup(db, tenantId);
  const scoped = await scopedChanges(db, governed);
  const wordsFor = await approvedBy(db, governed);
  return rows.map((row, index): AwaitedApproval => {
    const change = governed[index]!;
    const mine = rules.filter(({ scope }) => covers(scope, scoped[index]!));
    const words = wordsFor(change);
    const open = openApprovals(mine, members, { authors: change.authors, approvedBy: words });
    const { authors } = change;
    const useful = approvalProblem(open, members, { principal, authors }) === null && !words.includes(principal);
    return {
      changeId: row.id,
      title: row.title,
      kind: row.kind,
      workspace: row.workspace,
      createdBy: row.created_by,
      planDigest: row.plan_digest,
      since: row.state_since,
      open,
      mine: useful,
    };
  });
}
