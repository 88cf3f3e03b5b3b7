import type { Journal } from "@evenkeel/agent-core/journal";
import type { RunContext } from "@evenkeel/agent-core/slot";
import type { Command, CommandInput, CommandType, Outcome, Output } from "@evenkeel/contracts/agent-protocol";
import type { Evidence } from "@evenkeel/contracts/cause";
import { type ErrorCode, type Facts, problemOf } from "@evenkeel/contracts/error";
import type { ServiceId } from "@evenkeel/contracts/id";
import type { Bases } from "./base/bases.ts";
import type { ClockSkew } from "./clock-skew.ts";
import type { Instances } from "./instances.ts";
import type { ObjectStore } from "./object-store.ts";
import type { Retention } from "./retention.ts";
import type { RevisionStore } from "./revision-store.ts";
import type { ScriptRunner } from "./script.ts";

/** What commands work with. */
export interface AgentParts {
  readonly journal: Journal;
  readonly instances: Instances;
  readonly bases: Bases;
  readonly objects: ObjectStore;
  readonly revisions: RevisionStore;
  readonly retention: Retention;
  readonly scripts: ScriptRunner;
  readonly clockSkew: ClockSkew;
  /** An empty folder for scripts that belong to no revision. */
  readonly workFolder: string;
}

/** One command on its way through its handler. */
export interface Call<Type extends CommandType> {
  readonly command: Command;
  readonly input: CommandInput<Type>;
  readonly context: RunContext;
}

export interface Done {
  readonly facts: Record<string, unknown>;
  readonly output?: Output;
  readonly exitCode?: number;
}

export type Handler<Type extends CommandType> = (parts: AgentParts, call: Call<Type>) => Promise<Done>;

type EndKind = Exclude<Outcome["kind"], "succeeded">;

interface EndTraces {
  readonly kind?: EndKind;
  readonly output?: Output;
  readonly exitCode?: number | null;
  readonly evidence?: Evidence;
}

/** An end of a command that is no success and has more to tell than its code. */
export class CommandEnd extends Error {
  readonly outcome: Omit<Extract<Outcome, { kind: EndKind }>, "elapsedMs">;

  constructor(code: ErrorCode, facts: Facts, more: EndTraces = {}) {
    super(code);
    this.outcome = { kind: "failed", problem: problemOf(code, facts), ...more };
  }
}

/** The slot that a command of an instance must name. */
export function slotOf({ slot }: Command): ServiceId {
  if (slot === null)
    throw new CommandEnd("INPUT_INVALID", { problem: "slot: this command needs one" }, { kind: "refused" });
  return slot;
}

/** Says in words how a script ended: 128 and more is a signal, as shells count. */
export function describeExit(exitCode: number): string {
  return exitCode > 128 ? `exit code ${exitCode} (signal ${exitCode - 128})` : `exit code ${exitCode}`;
}
