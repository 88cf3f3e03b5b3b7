/**
 * Invariants:
 * 1. An outcome is stored once: a repeated one finds its attempt ended and changes nothing.
 * 2. Storing needs no lease: an outcome is a fact of the host. Acting on it is the lease holder's.
 */
import type { Outcome } from "@evenkeel/contracts/agent-protocol";
import type { StepState } from "@evenkeel/contracts/change-state";
import type { CommandId, HostId } from "@evenkeel/contracts/id";
import { notify } from "@evenkeel/kit/notify";
import { inTransaction } from "@evenkeel/kit/sql";
import type { Transaction } from "kysely";
import type { AgentListener } from "../../agent-link/index.ts";
import type { Database } from "../../database.ts";
import type { ChangeDeps } from "../deps.ts";
import { mayGo, STEP_ARROWS } from "../state.ts";
import { wake } from "../store/change.ts";
import { appendEvents } from "../store/event.ts";
import type { StepRow } from "../store/snapshot.ts";
import { endAttempt, lockStep, markStarted } from "../store/step.ts";

type SettleDeps = Pick<ChangeDeps, "db" | "registry" | "at">;

/** What the kernel does with what agents report. */
export function agentListener(deps: SettleDeps): AgentListener {
  return {
    started: async (commandId) =>
      await withStep(deps, commandId, async (tx, step) => {
        if (step.state === "dispatched") await markStarted(tx, step);
      }),
    outcome: async (commandId, outcome) => {
      deps.at("before-outcome");
      await withStep(deps, commandId, async (tx, step) => {
        await storeOutcome(deps, tx, { step, outcome });
        // Killed here – then the agent sends it again.
        deps.at("before-outcome-commit");
      });
      // Killed here – then the agent sends it again, and it is found stored.
      deps.at("before-acknowledge");
    },
    revoked: async (commandId, revoked) =>
      await withStep(deps, commandId, async (tx, step) => {
        if (revoked) await end(tx, step, { to: "revoked", outcome: null });
      }),
    output: async (commandId, text) =>
      await withStep(deps, commandId, async (tx, step) => {
        const data = { stepId: step.id, targetId: step.target_id, name: step.name, text };
        await appendEvents(tx, step.change_id, [{ type: "output", data }]);
      }),
    hostChanged: async (hostId: HostId) => await notify(deps.db, "host_changed", hostId),
  };
}

async function withStep(
  { db }: SettleDeps,
  commandId: CommandId,
  run: (tx: Transaction<Database>, step: StepRow) => Promise<void>,
): Promise<void> {
  await inTransaction(db, async (tx) => {
    const step = await lockStep(tx, commandId);
    if (step !== null) await run(tx, step);
  });
}

interface Ended {
  readonly to: StepState;
  readonly outcome: Outcome | null;
  readonly facts?: Readonly<Record<string, unknown>>;
}

async function storeOutcome(
  { registry }: SettleDeps,
  tx: Transaction<Database>,
  { step, outcome }: { readonly step: StepRow; readonly outcome: Outcome },
): Promise<void> {
  if (outcome.kind === "succeeded") {
    const facts = registry.agentSteps.get(step.type)?.reading(outcome) ?? {};
    return await end(tx, step, { to: "succeeded", outcome, facts });
  }
  // Refused for an old fence: a newer worker holds the slot, and this attempt never began.
  const never = outcome.kind === "refused" && outcome.problem.code === "FENCE_STALE";
  const to = never ? "revoked" : outcome.kind === "refused" ? "failed" : outcome.kind;
  await end(tx, step, { to, outcome });
}

async function end(tx: Transaction<Database>, step: StepRow, { to, outcome, facts }: Ended): Promise<void> {
  if (!mayGo(STEP_ARROWS, step.state, to)) return;
  const attempt = {
    id: step.id,
    changeId: step.change_id,
    targetId: step.target_id,
    name: step.name,
    from: step.state,
  };
  await endAttempt(tx, attempt, { to, outcome, ...(facts === undefined ? {} : { facts }) });
  await wake(tx, step.change_id);
}
