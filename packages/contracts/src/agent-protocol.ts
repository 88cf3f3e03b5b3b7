import { z } from "zod";
import { BaseReport } from "./base-protocol.ts";
import { ScriptLimits } from "./buildpack.ts";
import { Evidence } from "./cause.ts";
import { Problem } from "./error.ts";
import { HostFacts } from "./host.ts";
import { ChangeId, CommandId, Digest, HostId, JournalId, Moment, Name, RevisionId, ServiceId, StepId } from "./id.ts";
import { Business, ModuleTags, ModuleVersion, SplitRule } from "./module.ts";
import { BaseWindow } from "./module-statistics.ts";
import { Configuration, HealthCheck, InstanceState } from "./service.ts";

/** One outbound WebSocket per host, JSON text messages; below `/api/v1`. The header `Authorization: Bearer <credential>` names the host. */
export const AGENT_LINK_PATH = "/agent-link";
export const AGENT_PROTOCOL = 1;
export const HEARTBEAT_MS = 2000;
/** A link that is silent for this long is lost. */
export const LOST_AFTER_MS = 6000;

/** Compared as a pair, epoch first. An agent stores the highest per slot and refuses lower ones. */
export const Fence = z.strictObject({ epoch: z.int(), token: z.int() });
export type Fence = z.infer<typeof Fence>;

/** Negative when `one` is older than `other`. */
export function compareFences(one: Fence, other: Fence): number {
  return one.epoch - other.epoch || one.token - other.token;
}

export const Letter = z.enum(["a", "b"]);
export type Letter = z.infer<typeof Letter>;

const object = z.strictObject({ digest: Digest, sizeBytes: z.int() });

/** Brings objects by digest, resumed by range; `GET /api/v1/objects/{digest}` with the host's credential. No slot. */
export const FetchInput = z.strictObject({ objects: z.array(object) });
/** Unpacks, checks the needs of the buildpack, runs its `setup`. No slot. */
/** Names that an instance gets in its environment. */
export const RevisionNames = z.strictObject({ application: z.string(), workspace: z.string() });
export const StageInput = z.strictObject({
  serviceId: ServiceId,
  revisionId: RevisionId,
  revisionDigest: Digest,
  version: z.string(),
  package: object,
  buildpack: object,
  configuration: Configuration,
  /** What its instances hear of where they are; plans of before have none. */
  names: RevisionNames.optional(),
});
/** Removes a staged revision that nothing runs and nobody may roll back to (after a cancel). No slot. */
export const UnstageInput = z.strictObject({ serviceId: ServiceId, revisionId: RevisionId });
/** Sets `desired` of the letter to running this revision and starts it; an instance of that revision that is alive is left alone. */
export const StartInput = z.strictObject({ letter: Letter, revisionId: RevisionId });
/** Succeeds once the instance was healthy for `minimumHealthyMs`, fails at the deadline of the health check. */
export const AwaitHealthInput = z.strictObject({ letter: Letter, health: HealthCheck, minimumHealthyMs: z.int() });
/** Sets `desired` of the letter to stopped and ends the whole group: stop script → TERM → KILL; waits until it is gone. */
export const StopInput = z.strictObject({ letter: Letter, stopMs: z.int() });
/** Does nothing but journal; for measurements. */
export const NoOpInput = z.strictObject({});
/** Runs one script in the folder of a revision; its output is a file, its exit code survives the agent. */
export const RunScriptInput = z.strictObject({
  revisionId: RevisionId.nullable(),
  command: z.array(z.string()).min(1),
  env: z.record(z.string(), z.string()).default({}),
  /** It gets the parameters of the revision, and HOST and PORT of the instance in this letter. */
  letter: Letter.optional(),
  limits: ScriptLimits.optional(),
});

/** A module in the base of a slot. Commands about it need no slot of their own: `lineOf` says behind which others they wait. */
const moduleOfBase = { base: ServiceId, name: Name, version: ModuleVersion };
/** Brings the bundle, installs it in the base that lives in the slot, and keeps it as wanted there: it comes back with every new process. */
export const InstallModuleInput = z.strictObject({
  ...moduleOfBase,
  object,
  activate: z.boolean(),
  /** Other versions of it are drained and uninstalled once this one is active. */
  replace: z.boolean(),
  /** Null: published only if it replaces a published version. */
  publish: z.strictObject({ tags: ModuleTags }).nullable(),
});
/** Succeeds too where it is no longer there. */
export const UninstallModuleInput = z.strictObject(moduleOfBase);
export const ActivateModuleInput = z.strictObject(moduleOfBase);
export const DeactivateModuleInput = z.strictObject(moduleOfBase);
export const PublishModuleInput = z.strictObject({ ...moduleOfBase, tags: ModuleTags });
export const UnpublishModuleInput = z.strictObject(moduleOfBase);
/** Uninstalls every module of the base; nothing comes back with the next process. */
export const ClearBaseInput = z.strictObject({ base: ServiceId });
/** Replaces the rules by which the base splits requests and calls, and the businesses of its process engine; null leaves them. */
export const SplitBaseInput = z.strictObject({
  base: ServiceId,
  rules: z.array(SplitRule).max(500).nullable(),
  businesses: z.array(Business).max(500).nullable(),
});
/** Asks the base what it holds; facts: {modules: "name@version state" of each}. */
export const QueryModulesInput = z.strictObject({ base: ServiceId });

export const COMMAND_INPUTS = {
  "fetch-package": FetchInput,
  "stage-revision": StageInput,
  "unstage-revision": UnstageInput,
  "start-instance": StartInput,
  "await-health": AwaitHealthInput,
  "stop-instance": StopInput,
  "run-script": RunScriptInput,
  "no-op": NoOpInput,
  "install-module": InstallModuleInput,
  "uninstall-module": UninstallModuleInput,
  "activate-module": ActivateModuleInput,
  "deactivate-module": DeactivateModuleInput,
  "publish-module": PublishModuleInput,
  "unpublish-module": UnpublishModuleInput,
  "clear-base": ClearBaseInput,
  "split-base": SplitBaseInput,
  "query-modules": QueryModulesInput,
} as const;
export type CommandType = keyof typeof COMMAND_INPUTS;
export const CommandType = z.enum(Object.keys(COMMAND_INPUTS) as [CommandType, ...CommandType[]]);
export type CommandInput<Type extends CommandType> = z.infer<(typeof COMMAND_INPUTS)[Type]>;

export const Command = z.strictObject({
  commandId: CommandId,
  changeId: ChangeId,
  stepId: StepId,
  attempt: z.int().min(1),
  /** The attempt that this one replaces; the agent forgets that one's intent. */
  supersedes: CommandId.optional(),
  /** The service whose slot on this host it acts on; commands of one slot run one after another. Null: fenced by epoch only. */
  slot: ServiceId.nullable(),
  fence: Fence,
  type: CommandType,
  input: z.unknown(),
  deadlineMs: z.int().min(1),
});
export type Command = z.infer<typeof Command>;

const OfBase = z.object({ base: ServiceId, name: Name.optional() });

/** What a command waits behind and whose fence it is compared with: its slot, or one module of the base there. Null: nothing, fenced by epoch alone. */
export function lineOf({ slot, type, input }: Pick<Command, "slot" | "type" | "input">): string | null {
  if (slot !== null) return slot;
  const ofBase = /-(base|modules?)$/.test(type) ? OfBase.safeParse(input).data : undefined;
  return ofBase === undefined ? null : `${ofBase.base}/${ofBase.name ?? ""}`;
}

/** The first and last of an output, with the bytes left out between them. */
export const Output = z.strictObject({ head: z.string(), gapBytes: z.int(), tail: z.string() });
export type Output = z.infer<typeof Output>;

const ended = {
  elapsedMs: z.number(),
  output: Output.optional(),
  exitCode: z.int().nullable().optional(),
  /** What the agent has looked up after a failure. */
  evidence: Evidence.optional(),
};

/** How an attempt ended. `facts` of `start-instance`: {port, address, pid, reused}; of `fetch-package`: {bytes, wireBytes}; of `stop-instance`: {how: "stop-script" | "TERM" | "KILL" | "was-gone"}. */
export const Outcome = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("succeeded"), facts: z.record(z.string(), z.unknown()), ...ended }),
  z.strictObject({ kind: z.literal("failed"), problem: Problem, ...ended }),
  z.strictObject({ kind: z.literal("timed-out"), problem: Problem, ...ended }),
  /** Truly cut off (host died, intent voided): not known how far it came. */
  z.strictObject({ kind: z.literal("interrupted"), problem: Problem, ...ended }),
  /** Refused before anything was done: stale fence, unknown input. */
  z.strictObject({ kind: z.literal("refused"), problem: Problem, ...ended }),
]);
export type Outcome = z.infer<typeof Outcome>;

/** An instance as its agent sees it. */
export const InstanceReport = z.strictObject({
  slot: ServiceId,
  letter: Letter,
  revisionId: RevisionId,
  state: InstanceState,
  pid: z.int().nullable(),
  port: z.int(),
  restarts: z.int(),
  problem: Problem.nullable(),
  since: Moment,
});
export type InstanceReport = z.infer<typeof InstanceReport>;

/** The base in a slot, as its agent sees it; null = there is none any more, or it does not answer. */
export const SlotBase = z.strictObject({ slot: ServiceId, letter: Letter, report: BaseReport.nullable() });
export type SlotBase = z.infer<typeof SlotBase>;

/** What an instance uses: resident memory of all its processes, and the processor time that those alive have taken. */
export const InstanceUsage = z.strictObject({
  slot: ServiceId,
  letter: Letter,
  revisionId: RevisionId,
  memoryBytes: z.int(),
  cpuMs: z.int(),
});
export type InstanceUsage = z.infer<typeof InstanceUsage>;

export const AgentMessage = z.discriminatedUnion("kind", [
  /** First message. `open` lists the commands that were journaled and have no acknowledged outcome. */
  z.strictObject({
    kind: z.literal("hello"),
    protocol: z.int(),
    hostId: HostId,
    journalId: JournalId,
    lastSequence: z.int(),
    /** The highest generation of the installation that the host has met; agents from before it do not say. */
    epoch: z.int().default(0),
    bootId: z.string(),
    agentVersion: z.string(),
    address: z.string(),
    sentAt: Moment,
    open: z.array(z.strictObject({ commandId: CommandId, state: z.enum(["received", "started", "ended"]) })),
    instances: z.array(InstanceReport),
  }),
  /** Every HEARTBEAT_MS; facts and usage every fifth time. */
  z.strictObject({
    kind: z.literal("heartbeat"),
    sentAt: Moment,
    /** How far the host's clock is ahead by what it heard of the control plane's, the way of those messages included. */
    clockAheadAtMostMs: z.int().optional(),
    facts: HostFacts.optional(),
    usage: z.array(InstanceUsage).optional(),
  }),
  z.strictObject({ kind: z.literal("started"), commandId: CommandId }),
  /** Live output of a script, bounded; the outcome has its head and tail. */
  z.strictObject({ kind: z.literal("output"), commandId: CommandId, text: z.string() }),
  /** Repeated until acknowledged. `sequence` is the journal's. */
  z.strictObject({ kind: z.literal("outcome"), commandId: CommandId, sequence: z.int(), outcome: Outcome }),
  /** Answer to `revoke`: true = it had not started and never will. */
  z.strictObject({ kind: z.literal("revoked"), commandId: CommandId, revoked: z.boolean() }),
  /** On every change of one of them: all instances of the host. */
  z.strictObject({ kind: z.literal("instances"), instances: z.array(InstanceReport) }),
  /** After each welcome all bases (`whole`: those that it does not name are gone), then those that have altered; before the outcome of what altered them. */
  z.strictObject({ kind: z.literal("bases"), whole: z.boolean(), bases: z.array(SlotBase).max(1000) }),
  /** With every fifth beat: what the bases that answer have done since the one before. */
  z.strictObject({ kind: z.literal("base-windows"), bases: z.array(BaseWindow).max(1000) }),
  z.strictObject({ kind: z.literal("challenge-answer"), nonce: z.string() }),
  z.strictObject({
    kind: z.literal("log"),
    readId: z.string(),
    lines: z.array(z.strictObject({ letter: Letter, stream: z.enum(["stdout", "stderr"]), text: z.string() })),
    end: z.boolean(),
  }),
]);
export type AgentMessage = z.infer<typeof AgentMessage>;

export const AgentOrder = z.discriminatedUnion("kind", [
  /** Answer to hello. `resume` may be started now, `void` never; of the rest nothing is known: they wait for a later `renew`. */
  z.strictObject({
    kind: z.literal("welcome"),
    connectionEpoch: z.int(),
    epoch: z.int(),
    serverAt: Moment,
    resume: z.array(CommandId),
    void: z.array(CommandId),
    /** Known and stored already: the outcome need not be sent again. */
    acknowledged: z.array(CommandId),
  }),
  /** The host is set aside (`JOURNAL_LOST`, `DUPLICATE_AGENT`, …): connect again later, start nothing. */
  z.strictObject({ kind: z.literal("set-aside"), problem: Problem }),
  z.strictObject({ kind: z.literal("command"), command: Command }),
  z.strictObject({ kind: z.literal("revoke"), commandId: CommandId }),
  /** The outcome is committed. */
  z.strictObject({ kind: z.literal("acknowledge"), commandId: CommandId }),
  /** The change is terminal: its command ids may be forgotten. */
  z.strictObject({ kind: z.literal("forget"), changeId: ChangeId }),
  /** Every HEARTBEAT_MS, the other way. */
  z.strictObject({ kind: z.literal("heartbeat"), serverAt: Moment }),
  z.strictObject({ kind: z.literal("challenge"), nonce: z.string() }),
  z.strictObject({
    kind: z.literal("read-log"),
    readId: z.string(),
    slot: ServiceId,
    lines: z.int(),
    follow: z.boolean(),
  }),
  z.strictObject({ kind: z.literal("end-log"), readId: z.string() }),
]);
export type AgentOrder = z.infer<typeof AgentOrder>;
