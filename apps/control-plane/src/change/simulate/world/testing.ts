import type { Outcome } from "@evenkeel/contracts/agent-protocol";
import type { ChangeAction, StepState, TargetState } from "@evenkeel/contracts/change-state";
import { isTerminal } from "@evenkeel/contracts/change-state";
import { problemOf } from "@evenkeel/contracts/error";
import { ChangeId, CommandId, type HostId, newId, StepId } from "@evenkeel/contracts/id";
import { isSettled, needsBake, nextBatch } from "../../batch.ts";
import { type Decision, decide } from "../../decide.ts";
import { retryOf } from "../../retry.ts";
import { mayConfirm, snapshotFacts, targetActions } from "../../show/actions.ts";
import type { BatchSnapshot, Snapshot, StepAttempt, TargetSnapshot } from "../../snapshot.ts";
import {
  allowedActions,
  CHANGE_ARROWS,
  LOST_TARGETS,
  mayGo,
  RETRYABLE_TARGETS,
  STEP_ARROWS,
  TARGET_ARROWS,
} from "../../state.ts";

const problem = problemOf("START_FAILED", { exit: "1" });
const ROUNDS = 300;

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** What a person may ask for once it runs. */
export type Asked = "pause now" | Exclude<ChangeAction, "start" | "replan" | "approve" | "reject" | "close">;

/** What is asked of every decision, beside its arrow. */
export type Watcher = (decision: Decision, before: Snapshot) => void;

/** A change in memory with hosts that do as they are told, late, wrongly or not at all. Every move follows the tables or throws. */
export class SimulatedChange {
  #snapshot: Snapshot;
  readonly #away = new Set<HostId>();
  readonly #watch: Watcher;

  constructor(snapshot: Snapshot, watch: Watcher) {
    this.#snapshot = snapshot;
    this.#watch = watch;
  }

  get snapshot(): Snapshot {
    return this.#snapshot;
  }

  get inHand(): StepAttempt[] {
    return this.#snapshot.attempts.filter(({ state }) => state === "dispatched" || state === "running");
  }

  get awayHosts(): ReadonlySet<HostId> {
    return this.#away;
  }

  /** Decides and writes until there is nothing left to decide, as a worker does. */
  settle(): void {
    const hosts = { away: (id: HostId) => this.#away.has(id), lost: (id: HostId) => this.#away.has(id) };
    for (let round = 0; round < ROUNDS; round += 1) {
      const decisions = decide(this.#snapshot, hosts);
      if (decisions.length === 0) return;
      for (const decision of decisions) this.#apply(decision);
    }
    throw new Error(`it does not settle in ${this.#snapshot.state}`);
  }

  #apply(decision: Decision): void {
    this.#watch(decision, this.#snapshot);
    switch (decision.kind) {
      case "dispatch":
        this.#dispatch(decision);
        break;
      case "step":
        this.#moveStep(decision.stepId, decision.to);
        break;
      case "revoke":
        this.#setStep(decision.attempt.id, { revoking: true });
        break;
      case "target":
        this.#moveTarget(decision.targetId, decision.to, decision.problem);
        break;
      case "batch":
        this.#setBatch(decision.batchId, decision.to === "started" ? { started: true } : { finished: true });
        break;
      case "change":
        this.#moveChange(decision.to, decision.pauseCause);
        break;
      case "begin-rollback":
        this.#set({ rollback: { id: newId(ChangeId, "chg"), state: "running" } });
        break;
      case "look":
      case "ask":
      case "unanswered":
        throw new Error("there are no guards here");
      default:
        decision satisfies never;
    }
  }

  #set(more: Partial<Snapshot>): void {
    this.#snapshot = { ...this.#snapshot, ...more };
  }

  #moveChange(to: Snapshot["state"], pauseCause: Snapshot["pauseCause"] = this.#snapshot.pauseCause): void {
    const { state } = this.#snapshot;
    if (!mayGo(CHANGE_ARROWS, state, to)) throw new Error(`no arrow from ${state} to ${to}`);
    const pause = to === "pausing" ? { pauseCause, pauseMode: "targets" as const } : {};
    this.#set({ state: to, ...pause });
  }

  #moveTarget(targetId: string, to: TargetState, why: TargetSnapshot["problem"]): void {
    const target = this.#snapshot.targets.get(targetId)!;
    if (!mayGo(TARGET_ARROWS, target.state, to)) throw new Error(`${targetId}: no arrow from ${target.state} to ${to}`);
    this.#setTarget(targetId, { state: to, problem: why });
  }

  #setTarget(targetId: string, more: Partial<Mutable<TargetSnapshot>>): void {
    const targets = new Map(this.#snapshot.targets);
    targets.set(targetId, { ...targets.get(targetId)!, ...more });
    this.#set({ targets });
  }

  #setBatch(batchId: string, more: Partial<Mutable<BatchSnapshot>>): void {
    const batches = new Map(this.#snapshot.batches);
    batches.set(batchId, { ...batches.get(batchId)!, ...more });
    this.#set({ batches });
  }

  #setStep(id: StepId, more: Partial<Mutable<StepAttempt>>): void {
    this.#set({ attempts: this.#snapshot.attempts.map((one) => (one.id === id ? { ...one, ...more } : one)) });
  }

  #moveStep(id: StepId, to: StepState): void {
    const attempt = this.#snapshot.attempts.find((one) => one.id === id)!;
    if (!mayGo(STEP_ARROWS, attempt.state, to)) throw new Error(`step: no arrow from ${attempt.state} to ${to}`);
    const failed: Outcome = { kind: "failed", problem, elapsedMs: 1 };
    this.#setStep(id, { state: to, outcome: to === "succeeded" || to === "revoked" ? null : failed });
  }

  #dispatch({ targetId, at, previous }: Extract<Decision, { kind: "dispatch" }>): void {
    const attempt: StepAttempt = {
      id: newId(StepId, "stp"),
      targetId,
      phase: at.phase,
      name: at.step.name,
      attempt: (previous?.attempt ?? 0) + 1,
      round: this.#snapshot.targets.get(targetId)?.round ?? 1,
      state: "dispatched",
      commandId: newId(CommandId, "cmd"),
      revoking: false,
      elapsedMs: 0,
      outcome: null,
      facts: {},
    };
    this.#set({ attempts: [...this.#snapshot.attempts, attempt] });
  }

  // ── what hosts do ───────────────────────────────────────────────────────────

  /** The agent says how one step in hand ended, or a late one without an answer. */
  answer(which: number, to: "succeeded" | "failed" | "timed-out" | "interrupted"): void {
    const open = this.#snapshot.attempts.filter(({ state }) => ["dispatched", "running", "unknown"].includes(state));
    const attempt = open[which % Math.max(1, open.length)];
    if (attempt === undefined) return;
    // What was taken back before it began never happens.
    this.#moveStep(attempt.id, attempt.revoking && attempt.state !== "running" ? "revoked" : to);
  }

  begin(which: number): void {
    const sent = this.inHand.filter(({ state, revoking }) => state === "dispatched" && !revoking);
    const attempt = sent[which % Math.max(1, sent.length)];
    if (attempt !== undefined) this.#moveStep(attempt.id, "running");
  }

  lose(which: number): void {
    const { targets } = this.#snapshot.plan;
    const hostId = targets[which % targets.length]?.hostId;
    if (hostId != null) this.#away.add(hostId);
  }

  find(): void {
    this.#away.clear();
  }

  /** Time passes: what bakes has baked. */
  bake(): void {
    if (this.#snapshot.state !== "running") return;
    for (const batch of this.baking()) this.#setBatch(batch.batchId, { bakedMs: batch.bakeMs });
  }

  baking() {
    return this.#snapshot.plan.groups.flatMap((group) => {
      const batch = nextBatch(this.#snapshot, group);
      const started = batch !== null && this.#snapshot.batches.get(batch.batchId)?.started === true;
      return started && isSettled(this.#snapshot, batch) && needsBake(this.#snapshot, batch) ? [batch] : [];
    });
  }

  endRollback(to: "succeeded" | "closed"): void {
    const { rollback, state } = this.#snapshot;
    if (state === "rolling-back" && rollback !== null) this.#set({ rollback: { ...rollback, state: to } });
  }

  // ── what people ask for ─────────────────────────────────────────────────────

  actions(): ChangeAction[] {
    return allowedActions({ ...snapshotFacts(this.#snapshot), isRollback: false, noInverse: null });
  }

  unconfirmed() {
    const batches = this.#snapshot.plan.groups.flatMap((group) => group.batches);
    return batches.filter((batch) => mayConfirm(this.#snapshot, batch));
  }

  /** Does what a person asks for, where it is offered. */
  ask(asked: Asked, which = 0): void {
    const verb = asked === "pause now" ? "pause" : asked;
    if (isTerminal(this.#snapshot.state) || !this.actions().includes(verb)) return;
    const verbs: Record<Asked, () => void> = {
      pause: () => this.#pause("targets"),
      "pause now": () => this.#pause("steps"),
      resume: () => this.#moveChange("running"),
      confirm: () => this.#confirm(which),
      retry: () => this.#retry(),
      skip: () => this.#skip(which),
      cancel: () => this.#moveChange("cancelling"),
      rollback: () => this.#moveChange("rolling-back"),
      "declare-lost": () => this.#declareLost(),
    };
    verbs[asked]();
  }

  #pause(pauseMode: Snapshot["pauseMode"]): void {
    const waits = this.#snapshot.state === "awaiting-confirmation";
    this.#moveChange(waits ? "paused" : "pausing", "person");
    this.#set({ pauseMode });
  }

  #declareLost(): void {
    for (const { id, state } of this.#snapshot.attempts) if (state === "unknown") this.#moveStep(id, "interrupted");
  }

  #confirm(which: number): void {
    const open = this.unconfirmed();
    const batch = open[which % open.length];
    if (batch !== undefined) this.#setBatch(batch.batchId, { confirmed: true });
    if (this.#snapshot.state === "awaiting-confirmation") this.#moveChange("running");
  }

  #retry(): void {
    const { targets, state } = this.#snapshot;
    for (const target of targets.values()) if (RETRYABLE_TARGETS.includes(target.state)) this.#retryTarget(target);
    if (state === "failed") this.#moveChange("running");
  }

  #retryTarget(target: TargetSnapshot): void {
    const { targetId, round } = target;
    const planned = this.#snapshot.plan.targets.find((one) => one.targetId === targetId)!;
    const { fromIndex, to } = retryOf(this.#snapshot, planned, target);
    this.#setTarget(targetId, { round: round + 1, fromIndex });
    this.#moveTarget(targetId, to, null);
    for (const batch of this.#snapshot.plan.groups.flatMap((group) => group.batches))
      if (batch.targetIds.includes(targetId)) this.#setBatch(batch.batchId, { finished: false });
  }

  #skip(which: number): void {
    const open = this.#snapshot.plan.targets.filter(({ targetId }) =>
      targetActions(["skip"], this.#snapshot, targetId).includes("skip"),
    );
    const target = open[which % Math.max(1, open.length)];
    if (target !== undefined) this.#moveTarget(target.targetId, "skipped", null);
    const stillLost = [...this.#snapshot.targets.values()].some(({ state }) => LOST_TARGETS.includes(state));
    if (this.#snapshot.state === "failed" && !stillLost) this.#moveChange("running");
  }
}
