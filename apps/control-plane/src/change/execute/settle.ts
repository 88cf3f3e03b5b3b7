/**
 * Invariants:
 * 1. An outcome is stored once: a repeated one finds its attempt ended and changes nothing.
 * 2. Storing needs no lease: an outcome is a fact of the host. Acting on it is the lease holder's.
 * 3. Where the change's worker is in this process, it stores the outcome in the transaction in which it decides what follows;
 *    an outcome that it could not store is stored here by itself.
 */
import type { Outcome } from "@evenkeel/contracts/agent-protocol";
import type { StepState } from "@evenkeel/contracts/change-state";
import type { ChangeId, CommandId, HostId } from "@evenkeel/contracts/id";
import { gather } from "@evenkeel/kit/gather";
import { notify } from "@evenkeel/kit/notify";
import { inTransaction } from "@evenkeel/kit/sql";
import type { Transaction } from "kysely";
import type { AgentListener } from "../../agent-link/index.ts";
import type { Database } from "../../database.ts";
import type { ChangeDeps } from "../deps.ts";
import { mayGo, STEP_ARROWS } from "../state.ts";
import { wake } from "../store/change.ts";
import { appendEvents } from "../store/event.ts";
import type { ChangeRows, StepRow } from "../store/snapshot.ts";
import { type AttemptEnd, endAttempts, lockSteps, markStarted } from "../store/step.ts";

const AT_MOST = 500;
/** As many ids as one notification has room for. */
const HOSTS_AT_MOST = 200;

type SettleDeps = Pick<ChangeDeps, "db" | "registry" | "at">;

/** How a command ended, as its agent says. */
export interface Report {
  readonly changeId: ChangeId;
  readonly commandId: CommandId;
  readonly outcome: Outcome;
}

/** Stores an outcome together with what follows from it; false = it is not stored, and nobody here will. */
export type StoreWithLook = (report: Report) => Promise<boolean>;

/** What the kernel does with what agents report. */
export function agentListener(deps: SettleDeps, storeWithLook: StoreWithLook): AgentListener {
  const { db } = deps;
  const started = gather(async (commandIds: readonly CommandId[]) => await storeStarts(deps, commandIds), {
    atMost: AT_MOST,
  });
  const store = gather(async (reports: readonly Report[]) => await storeAlone(deps, reports), { atMost: AT_MOST });
  const hostChanged = gather(
    async (hostIds: readonly HostId[]) => {
      await notify(db, "host_changed", JSON.stringify(hostIds));
      return hostIds;
    },
    { atMost: HOSTS_AT_MOST },
  );
  return {
    started: async (commandId) => void (await started(commandId)),
    outcome: async (command, outcome) => {
      deps.at("before-outcome");
      const report = { ...command, outcome };
      if (!(await storeWithLook(report))) await store(report);
      // Killed here – then the agent sends it again, and it is found stored.
      deps.at("before-acknowledge");
    },
    revoked: async (commandId, revoked) =>
      await withStep(deps, commandId, async (tx, step) => {
        if (revoked) await end(tx, step, { to: "revoked", outcome: null });
      }),
    output: async (commandId, text) =>
      await withStep(deps, commandId, async (tx, step) => {
        const data = { stepId: step.id, target: step.target_id, name: step.name, text };
        await appendEvents(tx, step.change_id, [{ type: "output", data }]);
      }),
    hostChanged: async (hostId: HostId) => void (await hostChanged(hostId)),
  };
}

async function storeStarts({ db }: SettleDeps, commandIds: readonly CommandId[]): Promise<readonly CommandId[]> {
  await inTransaction(db, async (tx) => {
    const steps = await lockSteps(tx, commandIds);
    const begun = steps.filter(({ state }) => state === "dispatched");
    for (const [changeId, its] of Map.groupBy(begun, (step) => step.change_id)) await markStarted(tx, changeId, its);
  });
  return commandIds;
}

/** Nobody here works on their changes: whoever does is woken. */
async function storeAlone(deps: SettleDeps, reports: readonly Report[]): Promise<readonly Report[]> {
  const outcomes = new Map(reports.map(({ commandId, outcome }) => [commandId, outcome]));
  await inTransaction(deps.db, async (tx) => {
    const steps = await lockSteps(tx, [...outcomes.keys()]);
    for (const [changeId, its] of Map.groupBy(steps, (step) => step.change_id)) {
      const ends = endsOf(deps, its, outcomes);
      if (ends.size === 0) continue;
      await endAttempts(tx, changeId, [...ends.values()]);
      await wake(tx, changeId);
    }
    // Killed here – then the agents send them again.
    deps.at("before-outcome-commit");
  });
  return reports;
}

/** What these outcomes end, as far as it has not ended. */
function endsOf(deps: SettleDeps, steps: readonly StepRow[], outcomes: ReadonlyMap<CommandId, Outcome>) {
  return new Map(
    steps.flatMap((step) => {
      const outcome = step.command_id === null ? undefined : outcomes.get(step.command_id);
      if (outcome === undefined) return [];
      const how = endOf(deps, step, outcome);
      return mayGo(STEP_ARROWS, step.state, how.to) ? [[step.id, { ...attemptOf(step), ...how }] as const] : [];
    }),
  );
}

/** Stores what agents have reported about steps of a change whose row is held; answers with its rows as they are then. */
export async function settleReports<Rows extends ChangeRows>(
  deps: SettleDeps,
  tx: Transaction<Database>,
  { rows, reports }: { readonly rows: Rows; readonly reports: readonly Report[] },
): Promise<Rows> {
  if (reports.length === 0) return rows;
  const outcomes = new Map(reports.map(({ commandId, outcome }) => [commandId, outcome]));
  const ended = endsOf(deps, rows.steps, outcomes);
  await endAttempts(tx, rows.change.id, [...ended.values()]);
  const steps = rows.steps.map((step) => {
    const end = ended.get(step.id);
    return end === undefined ? step : afterEnd(step, end);
  });
  return { ...rows, steps };
}

/** The parts of the row that decisions read, as they are written by its end. */
const afterEnd = (step: StepRow, { to, outcome, facts }: AttemptEnd): StepRow => ({
  ...step,
  state: to,
  outcome: outcome ?? step.outcome,
  facts: { ...step.facts, ...facts },
});

async function withStep(
  { db }: SettleDeps,
  commandId: CommandId,
  run: (tx: Transaction<Database>, step: StepRow) => Promise<void>,
): Promise<void> {
  await inTransaction(db, async (tx) => {
    const [step] = await lockSteps(tx, [commandId]);
    if (step !== undefined) await run(tx, step);
  });
}

function endOf({ registry }: SettleDeps, step: StepRow, outcome: Outcome): AttemptEnd {
  if (outcome.kind === "succeeded") {
    const facts = registry.agentSteps.get(step.type)?.reading(outcome) ?? {};
    return { to: "succeeded", outcome, facts };
  }
  // Refused for an old fence: a newer worker holds the slot, and this attempt never began.
  const never = outcome.kind === "refused" && outcome.problem.code === "FENCE_STALE";
  const to: StepState = never ? "revoked" : outcome.kind === "refused" ? "failed" : outcome.kind;
  return { to, outcome };
}

const attemptOf = (step: StepRow) => ({ id: step.id, targetId: step.target_id, name: step.name, from: step.state });

async function end(tx: Transaction<Database>, step: StepRow, how: AttemptEnd): Promise<void> {
  if (!mayGo(STEP_ARROWS, step.state, how.to)) return;
  await endAttempts(tx, step.change_id, [{ ...attemptOf(step), ...how }]);
  await wake(tx, step.change_id);
}
