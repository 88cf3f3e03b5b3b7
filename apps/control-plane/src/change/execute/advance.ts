/**
 * Invariants:
 * 1. Everything that is decided is decided on rows read under the lock of the change's row, by the holder of its lease.
 * 2. What is decided is written in the same transaction; a worker that dies leaves all or nothing, and the next one goes on from there.
 * 3. Time that nobody watched is not charged: a bake never ends early, a deadline never comes early.
 */
import { inTransaction } from "@evenkeel/kit/sql";
import { CommitUnknown } from "@evenkeel/kit/sql-error";
import type { Transaction } from "kysely";
import type { Database } from "../../database.ts";
import { isSettled, needsBake, nextBatch } from "../batch.ts";
import { type Decision, decide } from "../decide.ts";
import type { ChangeDeps, Delivery } from "../deps.ts";
import { guardClocks } from "../guard/watch.ts";
import type { HostView, Snapshot } from "../snapshot.ts";
import { progressClocks } from "../stall.ts";
import { NOT_STARTED, WORKED_STATES } from "../state.ts";
import { type Claim, holdChange, type KeptPlan, releaseClaim } from "../store/lease.ts";
import { afterMoves, chargeTime } from "../store/progress.ts";
import { type FreshRows, type KeptRows, rereadRows } from "../store/reread.ts";
import { type ChangeRow, snapshotOf } from "../store/snapshot.ts";
import { applyAll } from "./apply.ts";
import type { Work } from "./dispatch.ts";
import type { HostWatch } from "./host-watch.ts";
import { chargesSince, type Ledger, settleLedger } from "./ledger.ts";
import { observeControlSteps } from "./observe.ts";
import { openQuestions, type Question } from "./outside-check.ts";
import { type Report, settleReports } from "./settle.ts";
import { startScheduled } from "./start-scheduled.ts";

/** What a worker keeps of a change from one look to the next; without rows it reads all of them. */
export type Kept = KeptPlan & { readonly rows: KeptRows | null };

/** When the worker must look again by itself; null = only when something happens. `released`: the change needs no worker now. */
export interface Advanced {
  readonly nextMs: number | null;
  readonly released: boolean;
  /** What somebody outside is to be asked, once this is committed. */
  readonly questions: readonly Question[];
  readonly ledger: Ledger;
  readonly kept: Kept;
}

export interface Advance {
  readonly claim: Claim;
  readonly watch: HostWatch;
  /** As the last look of this worker at this change left it. */
  readonly ledger: Ledger;
  readonly kept: Kept | null;
  /** What agents have said since; stored by this look, or not at all. */
  readonly reports: readonly Report[];
}

const ROUNDS = 200;
const LOOK_AGAIN_MS = 1000;

/** Takes a change as far as it goes now. */
export async function advance(deps: ChangeDeps, look: Advance): Promise<Advanced> {
  let deliveries: Delivery[] = [];
  const advanced = await inTransaction(deps.db, async (tx) => {
    deliveries = [];
    const change = await holdChange(tx, deps.lease.id, look);
    deps.at("before-decide");
    if (NOT_STARTED.includes(change.state)) await startScheduled(deps, tx, change);
    const { rows, ...settled } = await settleDown(deps, { ...look, tx, change, deliveries });
    // Killed here – then nothing was decided; the next worker decides the same.
    deps.at("before-commit");
    const { plan, plan_digest, spec } = change;
    return { ...settled, kept: { plan, plan_digest, spec, rows } };
  }).catch((error: unknown) => {
    if (error instanceof CommitUnknown) for (const delivery of deliveries) delivery.doubt();
    throw error;
  });
  // Killed here – then the commands are in the outbox: those that wait for this process are sent by the next hello of their hosts.
  deps.at("after-commit");
  for (const delivery of deliveries) delivery.send();
  return advanced;
}

interface Settling extends Advance {
  readonly tx: Transaction<Database>;
  readonly change: ChangeRow;
  readonly deliveries: Delivery[];
}

/** Decides and writes until there is nothing left to decide. */
async function settleDown(
  deps: ChangeDeps,
  settling: Settling,
): Promise<Omit<Advanced, "kept"> & { readonly rows: FreshRows }> {
  const { tx, change, reports, ledger, kept } = settling;
  const { clock } = deps;
  const read = await rereadRows(tx, change, kept?.rows ?? null);
  let rows = await settleReports(deps, tx, { rows: read, reports });
  if (reports.length > 0) deps.at("before-outcome-commit");
  const charges = chargesSince(ledger, waitingIds(snapshotOf(rows)), clock.monotonicMs());
  if (charges.length > 0) {
    await chargeTime(tx, change.id, charges);
    rows = await rereadRows(tx, change, rows);
  }
  for (let round = 0; round < ROUNDS; round += 1) {
    const decided = await decideOnce(deps, settling, rows);
    if ("rows" in decided) {
      rows = decided.rows;
      continue;
    }
    const { waiting, ...rest } = decided;
    return { ...rest, rows, ledger: settleLedger(ledger, { charges, waiting, endMs: clock.monotonicMs() }) };
  }
  throw new Error(`change ${settling.claim.changeId} does not settle`);
}

type Settled = Omit<Advanced, "ledger" | "kept"> & { readonly waiting: readonly string[] };

/** Rows: something was written, and with these it is to be asked again. */
async function decideOnce(
  deps: ChangeDeps,
  settling: Settling,
  rows: FreshRows,
): Promise<Settled | { readonly rows: FreshRows }> {
  const { tx, claim, watch, deliveries } = settling;
  const { change } = rows;
  if (change.finished_at !== null) return { nextMs: null, released: true, questions: [], waiting: [] };
  const snapshot = snapshotOf(rows);
  const work: Work = { tx, change, snapshot, fence: { epoch: rows.epoch, token: claim.token }, deliveries };
  const hosts = await watch.look(tx, snapshot);
  if (await observeControlSteps(deps, work)) return { rows: await rereadRows(tx, change, rows) };
  const decisions = decide(snapshot, hosts);
  const left = await applyAll(deps, work, decisions);
  if (decisions.length > 0 && decisions.every(isMove)) return { rows: afterMoves(rows, decisions) };
  if (!left || !decisions.every(isFinal)) return { rows: await rereadRows(tx, change, rows) };
  const waiting = waitingIds(snapshot);
  if (WORKED_STATES.includes(change.state)) {
    return { nextMs: nextLook(snapshot, hosts), released: false, questions: openQuestions(snapshot), waiting };
  }
  await releaseClaim(tx, claim);
  return { nextMs: null, released: true, questions: [], waiting };
}

/** A command that was sent leads to nothing more until its agent answers. */
const isFinal = (decision: Decision): boolean => decision.kind === "dispatch" && decision.at.step.on === "agent";

const isMove = (decision: Decision): decision is Extract<Decision, { kind: "target" }> => decision.kind === "target";

const bakingBatches = (snapshot: Snapshot) =>
  snapshot.plan.groups.flatMap((group) => {
    const batch = nextBatch(snapshot, group);
    if (batch === null || snapshot.batches.get(batch.batchId)?.started !== true) return [];
    return isSettled(snapshot, batch) && needsBake(snapshot, batch) ? [batch] : [];
  });

const waitingSteps = (snapshot: Snapshot) =>
  snapshot.attempts.filter((attempt) => attempt.state === "running" && attempt.commandId === null);

/** Everything whose time is charged now; paused time does not count. */
function waitingIds(snapshot: Snapshot): string[] {
  const baking = snapshot.state === "running" ? bakingBatches(snapshot).map(({ batchId }) => batchId) : [];
  const guards = snapshot.state === "running" ? guardClocks(snapshot) : [];
  return [...baking, ...guards, ...progressClocks(snapshot), ...waitingSteps(snapshot).map(({ id }) => id)];
}

function nextLook(snapshot: Snapshot, hosts: HostView): number | null {
  const baking = bakingBatches(snapshot).map(
    (batch) => batch.bakeMs - (snapshot.batches.get(batch.batchId)?.bakedMs ?? 0),
  );
  const watching =
    snapshot.state === "scheduled" ||
    waitingSteps(snapshot).length > 0 ||
    progressClocks(snapshot).length > 0 ||
    (snapshot.state === "running" && guardClocks(snapshot).length > 0) ||
    snapshot.plan.targets.some((target) => target.hostId !== null && hosts.away(target.hostId));
  const looks = [...baking, ...(watching ? [LOOK_AGAIN_MS] : [])];
  // Time is checkpointed at least each second.
  return looks.length === 0 ? null : Math.max(5, Math.min(LOOK_AGAIN_MS, ...looks));
}
