/**
 * Invariants:
 * 1. A rule is looked at under the lock of its row, in the transaction that starts its change: of one rule one change is under way at most,
 *    whichever replica looks, and a replica that is killed leaves nothing half done.
 * 2. A change of a rule asks for locks, windows and approvals like anybody's, and does not queue: what it was decided on would be old. One that
 *    waits for an approval expires.
 * 3. What cannot be started leaves no change behind, only a verdict, and is decided anew at the next look.
 */
import { PlatformError, problemOf } from "@evenkeel/contracts/error";
import type { ChangeId, ScalingRuleId } from "@evenkeel/contracts/id";
import { MODULE_OPERATION } from "@evenkeel/contracts/module-operation";
import type { ScalingVerdict } from "@evenkeel/contracts/scaling-rule";
import { inTransaction } from "@evenkeel/kit/sql";
import type { Transaction } from "kysely";
import { writeAudit } from "../audit/index.ts";
import { type ChangeDeps, createChange, startChange } from "../change/index.ts";
import type { Database } from "../database.ts";
import { decide } from "./plan.ts";
import { readSituation } from "./read-situation.ts";
import { type DueRule, dueRules, recordLook, takeDueRule } from "./store.ts";

/** As often as bases are asked. */
const EVERY_SECONDS = 10;
const LOOK_MS = 2500;
const APPROVAL_SECONDS = 600;

export interface ScalingKeeper {
  close(): Promise<void>;
}

/** Looks at the rules whose turn it is, until it is closed. */
export function startScaling(deps: ChangeDeps): ScalingKeeper {
  let looking: Promise<void> | null = null;
  const timer = setInterval(() => {
    looking ??= lookAtAll(deps)
      .catch((error: unknown) => deps.log.warn({ err: error }, "scaling rules were not looked at"))
      .finally(() => (looking = null));
  }, LOOK_MS);
  return {
    close: async () => {
      clearInterval(timer);
      await looking;
    },
  };
}

async function lookAtAll(deps: ChangeDeps): Promise<void> {
  if (!deps.lease.held) return;
  for (const id of await dueRules(deps.db, EVERY_SECONDS)) {
    await lookAt(deps, id).catch((error: unknown) =>
      deps.log.warn({ err: error, rule: id }, "a scaling rule was not looked at"),
    );
  }
}

/** One look at one rule, if it is due. */
export async function lookAt(deps: ChangeDeps, id: ScalingRuleId, everySeconds = EVERY_SECONDS): Promise<void> {
  const found: { verdict: ScalingVerdict | null } = { verdict: null };
  try {
    await inTransaction(deps.db, async (tx) => {
      const rule = await takeDueRule(tx, id, everySeconds);
      if (rule === null) return;
      const { situation, refusal } = await readSituation(tx, rule);
      const verdict: ScalingVerdict = { ...decide(rule.definition, situation), problem: null };
      found.verdict = verdict;
      if (refusal !== null) throw refusal;
      const isMeant = verdict.kind === "scale" && rule.definition.enabled;
      const changeId = isMeant ? { changeId: await scale(deps, tx, { rule, verdict }) } : {};
      await recordLook(tx, id, { verdict, ...changeId });
    });
  } catch (error) {
    if (!(error instanceof PlatformError)) throw error;
    await recordLook(deps.db, id, { verdict: refused(found.verdict, error) });
  }
}

interface Scaling {
  readonly rule: DueRule;
  readonly verdict: ScalingVerdict;
}

async function scale(deps: ChangeDeps, tx: Transaction<Database>, { rule, verdict }: Scaling): Promise<ChangeId> {
  const { tenantId, name } = rule;
  const { workspace, cluster, module, buffer } = rule.definition;
  const spec = {
    ...{ operation: "scale", workspace, cluster, module, bases: verdict.wanted },
    ...(buffer !== undefined && { buffer }),
    strategy: { batches: "all", budget: { action: "rollback" } },
  };
  const by = `scaling-rule/${name}`;
  const body = { kind: MODULE_OPERATION, spec, reason: verdict.why };
  const changeId = await createChange(deps, tx, { tenantId, by, body });
  const expiresAt = new Date(Date.parse(await deps.clock.databaseNow()) + APPROVAL_SECONDS * 1000).toISOString();
  const may = (permission: string): boolean => permission.startsWith("change:") && permission !== "change:emergency";
  await startChange(deps, { tenantId, changeId, by, may, tx }, { expiresAt });
  await writeAudit(tx, {
    ...{ tenantId, principal: by, action: `${MODULE_OPERATION}:create`, resource: `change/${changeId}` },
    ...{ outcome: "done", code: null, details: spec, address: "" },
  });
  return changeId;
}

function refused(verdict: ScalingVerdict | null, error: PlatformError): ScalingVerdict {
  const decided = verdict ?? { value: null, bases: 0, wanted: null };
  return { ...decided, kind: "refused", why: error.message, problem: problemOf(error.code, error.facts) };
}
