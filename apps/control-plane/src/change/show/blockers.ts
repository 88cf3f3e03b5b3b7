import type { Blocker } from "@evenkeel/contracts/change";
import type { ChangeAction } from "@evenkeel/contracts/change-state";
import { problemOf, type Refusal } from "@evenkeel/contracts/error";
import type { HostId } from "@evenkeel/contracts/id";
import { say } from "@evenkeel/contracts/phrase";
import { batchState, nextBatch } from "../batch.ts";
import { approvalMissing, type Judgement } from "../governance.ts";
import { CLOSING, OPENING, type Snapshot } from "../snapshot.ts";
import { LOST_TARGETS } from "../state.ts";
import type { ChangeRows } from "../store/snapshot.ts";
import { plannedOf } from "../track.ts";
import { commandOf } from "./command.ts";

/** What is known of a change when it is asked what keeps it. */
export interface Blocked {
  readonly rows: ChangeRows;
  readonly snapshot: Snapshot;
  /** The verbs that are legal now, and that the caller may. */
  readonly actions: readonly ChangeAction[];
  readonly mayTakeOver: boolean;
  readonly mayEmergency: boolean;
  /** Before its start: what the rules say of it now; null = it has begun. */
  readonly judgement: Judgement | null;
  /** Before its start: who holds what it needs. */
  readonly conflict: { readonly refusal: Refusal; readonly resource: string; readonly since: string } | null;
  readonly away: ReadonlySet<HostId>;
}

const problem = ({ refused, facts }: Refusal) => problemOf(refused, facts);
const offered = (blocked: Blocked, action: ChangeAction, on?: string): string[] =>
  blocked.actions.includes(action) ? [commandOf(action, blocked.rows.change.id, on)] : [];

/** Everything that keeps a change from going on, and what frees it; empty = it goes on by itself, or has ended. */
export function blockersOf(blocked: Blocked): Blocker[] {
  const { change } = blocked.rows;
  if (change.finished_at !== null) return [];
  if (change.started_at === null) return beforeStart(blocked);
  return [...atSteps(blocked), ...atHosts(blocked), ...atTargets(blocked), ...atGates(blocked), ...atState(blocked)];
}

function beforeStart(blocked: Blocked): Blocker[] {
  const found = [...(blocked.judgement === null ? [] : atRules(blocked, blocked.judgement)), ...atLock(blocked)];
  const { state, state_since: since, start_at } = blocked.rows.change;
  if (state === "planned") {
    const actions = found.length === 0 ? offered(blocked, "start") : [];
    return [...found, { kind: "person", problem: waits(blocked, say("wait.start")), since, actions }];
  }
  if (state === "scheduled" && start_at !== null && found.length === 0) {
    const problem = problemOf("START_LATER", { at: start_at });
    return [{ kind: "time", problem, since, actions: offered(blocked, "replan") }];
  }
  // Its rules were taken away: anybody's word lets it go on.
  if (state === "awaiting-approval" && blocked.judgement?.approvals.length === 0)
    return [
      ...found,
      { kind: "approval", problem: waits(blocked, say("wait.word")), since, actions: offered(blocked, "approve") },
    ];
  return found;
}

function atRules(blocked: Blocked, { refusal, shut, approvals }: Judgement): Blocker[] {
  const found: Blocker[] = [];
  if (refusal !== null) found.push({ kind: "admission", problem: problem(refusal), since: null, actions: [] });
  if (shut !== null) found.push({ kind: "window", problem: problem(shut), since: null, actions: pastWindow(blocked) });
  if (approvals.length > 0) {
    const { state_since: since } = blocked.rows.change;
    const actions = [...offered(blocked, "approve"), ...offered(blocked, "reject")];
    found.push({ kind: "approval", problem: approvalMissing(approvals), since, actions });
  }
  return found;
}

function atLock({ conflict, mayTakeOver }: Blocked): Blocker[] {
  if (conflict === null) return [];
  const { refusal, since, resource } = conflict;
  const actions = mayTakeOver ? [`lock take-over ${resource} --reason WHY`] : [];
  return [{ kind: "lock", problem: problem(refusal), since, actions }];
}

/** Only what is planned can be started past a window; what waits is planned anew first. */
function pastWindow(blocked: Blocked): string[] {
  const { id, state } = blocked.rows.change;
  if (state !== "planned") return offered(blocked, "replan");
  if (!blocked.actions.includes("start")) return [];
  const emergency = blocked.mayEmergency ? [`change start ${id} --emergency --reason WHY`] : [];
  return [`change start ${id} --wait`, ...emergency];
}

const waits = ({ rows: { change } }: Blocked, waitingFor: string) =>
  problemOf("CHANGE_WAITS", { change: change.title, state: change.state, waitingFor });

function atSteps(blocked: Blocked): Blocker[] {
  const { rows } = blocked;
  return rows.steps.flatMap((step): Blocker[] => {
    const since = step.started_at ?? step.dispatched_at;
    if (step.state === "unknown") {
      const target = nameOf(blocked, step.target_id);
      const told = problemOf("STEP_UNKNOWN", { step: step.name, target });
      return [{ kind: "step", problem: told, since, actions: offered(blocked, "declare-lost", step.id) }];
    }
    if (step.state !== "running" || step.waiting_for === null) return [];
    if (step.blocked_by !== null) return [{ ...step.blocked_by, since }];
    const told = problemOf("CHANGE_WAITS", { change: step.name, state: step.state, waitingFor: step.waiting_for });
    return [{ kind: "step", problem: told, since, actions: [] }];
  });
}

function nameOf({ snapshot }: Blocked, targetId: string): string {
  if (targetId === OPENING || targetId === CLOSING) return say("why.change-itself");
  return plannedOf(snapshot.plan, targetId)?.name ?? targetId;
}

/** Hosts that are away and have something in hand. */
function atHosts({ rows, snapshot, away }: Blocked): Blocker[] {
  const busy = new Map(
    rows.steps.flatMap((step) =>
      ["dispatched", "running", "unknown"].includes(step.state)
        ? [[step.target_id, step.started_at ?? step.dispatched_at] as const]
        : [],
    ),
  );
  return snapshot.plan.targets.flatMap(({ targetId, name, hostId }): Blocker[] => {
    const since = busy.get(targetId);
    if (hostId === null || since === undefined || !away.has(hostId)) return [];
    return [
      { kind: "host", problem: problemOf("HOST_LOST", { host: name, since }), since, actions: [`host show ${name}`] },
    ];
  });
}

function atTargets(blocked: Blocked): Blocker[] {
  const { rows } = blocked;
  // While others go on, a lost target blocks nothing yet.
  if (!["failed", "paused", "pausing"].includes(rows.change.state)) return [];
  return rows.targets.flatMap((row): Blocker[] => {
    if (!LOST_TARGETS.includes(row.state) || row.problem === null) return [];
    const name = nameOf(blocked, row.target_id);
    const retry = row.state === "unknown" ? [] : offered(blocked, "retry").map((command) => `${command} ${name}`);
    const since = row.finished_at ?? row.started_at;
    return [{ kind: "target", problem: row.problem, since, actions: [...retry, ...offered(blocked, "skip", name)] }];
  });
}

/** Batches whose turn it is, and that nobody has confirmed. */
function atGates(blocked: Blocked): Blocker[] {
  const { snapshot, rows } = blocked;
  if (rows.change.state !== "awaiting-confirmation") return [];
  const { state_since: since } = rows.change;
  return snapshot.plan.groups.flatMap((group): Blocker[] => {
    const batch = nextBatch(snapshot, group);
    if (batch === null || batchState(snapshot, group, batch) !== "awaiting-confirmation") return [];
    // Each group has a first batch.
    const name = snapshot.plan.groups.length === 1 ? batch.name : batch.batchId;
    const told = problemOf("CHANGE_WAITS", { change: name, state: "ready", waitingFor: say("wait.confirmation") });
    return [{ kind: "confirmation", problem: told, since, actions: offered(blocked, "confirm", batch.batchId) }];
  });
}

/** What the state itself waits for. */
function atState(blocked: Blocked): Blocker[] {
  const { change } = blocked.rows;
  const { state, state_since: since } = change;
  switch (state) {
    case "paused":
      return [
        {
          kind: "person",
          problem: change.problem ?? waits(blocked, say("wait.person")),
          since,
          actions: offered(blocked, "resume"),
        },
      ];
    case "failed": {
      const actions = (["retry", "rollback", "close"] as const).flatMap((action) => offered(blocked, action));
      return [{ kind: "person", problem: change.problem ?? waits(blocked, say("wait.person")), since, actions }];
    }
    case "rolling-back": {
      if (change.rollback_change_id === null) return [];
      const actions = [`change blockers ${change.rollback_change_id}`, ...offered(blocked, "close")];
      const told = waits(blocked, say("wait.rollback", { change: change.rollback_change_id }));
      return [{ kind: "person", problem: told, since, actions }];
    }
    default:
      return [];
  }
}
