import type { Letter } from "@evenkeel/contracts/agent-protocol";
import type { PlannedStep } from "@evenkeel/contracts/change-plan";
import type { TargetTraffic } from "@evenkeel/contracts/change-state";
import type { ServiceId } from "@evenkeel/contracts/id";
import type { PlannedRevision } from "./revision.ts";
import type { WorldHost } from "./world.ts";

/** What stands in a slot, and what is to stand there. */
export interface SlotPlan {
  readonly serviceId: ServiceId;
  readonly host: WorldHost;
  readonly to: PlannedRevision | null;
  /** What the instance is told of where it is. */
  readonly names: { readonly application: string; readonly workspace: string } | null;
  /** Where the new instance stands. */
  readonly letter: Letter;
  /** An instance of that revision is alive in the letter: it is kept. */
  readonly reuse: boolean;
  /** Letters whose instances go. */
  readonly old: readonly Letter[];
  /** The old instance takes traffic now. */
  readonly serving: boolean;
  /** The instance of `letter` takes traffic already. */
  readonly attached: boolean;
  readonly minimumHealthyMs: number;
  /** Until when after its start the instance must be healthy; null = as its revision says. */
  readonly healthyDeadlineSeconds: number | null;
  /** How the old instances are drained and stopped; of the revision that leaves. */
  readonly leaving: {
    readonly drainSeconds: number;
    readonly policy: "cut" | "extend" | "fail";
    readonly stopSeconds: number;
  };
}

const MINUTE_MS = 60_000;
const FETCH_MS = 30 * MINUTE_MS;
const STAGE_MS = 15 * MINUTE_MS;
const START_MS = MINUTE_MS;
const TRAFFIC_MS = MINUTE_MS;
const STOP_MARGIN_MS = 15_000;

type StepOptions = Partial<Pick<PlannedStep, "retryFrom" | "traffic" | "gated">> & { readonly timeoutMs: number };

const onAgent = (
  [name, type]: readonly [name: string, type: string],
  input: PlannedStep["input"],
  { retryFrom = null, timeoutMs }: StepOptions,
): PlannedStep => ({ name, on: "agent", type, input, timeoutMs, repeatable: true, retryFrom, traffic: null });

const onControl = (
  name: string,
  input: PlannedStep["input"],
  { retryFrom = null, traffic = null, ...rest }: StepOptions,
): PlannedStep => ({ name, on: "control", type: name, input, repeatable: true, retryFrom, traffic, ...rest });

const moves = (during: TargetTraffic, after: TargetTraffic) => ({ during, after });

/** Everything that can be done before anything is touched. */
export function stageSteps({ serviceId, to, names }: SlotPlan): PlannedStep[] {
  if (to === null) return [];
  const objects = [to.package, { digest: to.buildpack.digest, sizeBytes: to.buildpack.sizeBytes }];
  const input = {
    serviceId,
    revisionId: to.id,
    revisionDigest: to.digest,
    version: to.packageVersion,
    package: to.package,
    buildpack: objects[1],
    configuration: to.configuration,
    ...(names && { names }),
  };
  return [
    onAgent(["fetch-package", "fetch-package"], { objects }, { timeoutMs: FETCH_MS }),
    onAgent(["stage-revision", "stage-revision"], input, { timeoutMs: STAGE_MS, retryFrom: "fetch-package" }),
  ];
}

/** Takes the staging away again. */
export function cleanSteps({ serviceId, to }: SlotPlan): PlannedStep[] {
  if (to === null) return [];
  const input = { serviceId, revisionId: to.id };
  return [onAgent(["unstage-revision", "unstage-revision"], input, { timeoutMs: START_MS })];
}

/** Gives traffic back to what runs and is healthy. */
export function reattachSteps({ serviceId, host }: SlotPlan): PlannedStep[] {
  const input = { serviceId, hostId: host.id };
  const traffic = moves("attaching", "attached");
  return [onControl("re-attach", input, { timeoutMs: TRAFFIC_MS, traffic })];
}

/** The steps beyond staging, by the way in which the instance is replaced. */
export function runSteps(slot: SlotPlan): PlannedStep[] {
  const { to } = slot;
  if (to === null) return [...leave(slot, true), ...stopOld(slot)];
  const routed = to.configuration.routes.length > 0;
  if (to.configuration.replace === "in-place" && slot.old.length > 0 && !slot.reuse) {
    return [
      ...leave(slot, slot.serving),
      ...stopOld(slot),
      ...bringUp(slot, to),
      ...(routed ? arrive(slot, to, []) : []),
    ];
  }
  return [
    ...bringUp(slot, to),
    ...(routed ? arrive(slot, to, slot.old) : []),
    // Where the new one takes no traffic, nothing has led the old one's away.
    ...leave(slot, slot.serving && !routed),
    ...stopOld(slot),
  ];
}

function bringUp(slot: SlotPlan, to: PlannedRevision): PlannedStep[] {
  const { letter, reuse, minimumHealthyMs, serviceId } = slot;
  const { stopSeconds } = to.configuration;
  const startSeconds = slot.healthyDeadlineSeconds ?? to.configuration.health.startSeconds;
  const health = { ...to.configuration.health, startSeconds };
  const retryFrom = reuse ? "start-instance" : "clear-slot";
  const healthMs = health.startSeconds * 1000 + minimumHealthyMs + STOP_MARGIN_MS;
  const clear = onAgent(
    ["clear-slot", "stop-instance"],
    { letter, stopMs: stopSeconds * 1000 },
    { timeoutMs: stopSeconds * 1000 + STOP_MARGIN_MS },
  );
  return [
    ...(reuse ? [] : [clear]),
    onAgent(
      ["start-instance", "start-instance"],
      { letter, revisionId: to.id, serviceId },
      { timeoutMs: START_MS, retryFrom },
    ),
    onAgent(["await-health", "await-health"], { letter, health, minimumHealthyMs }, { timeoutMs: healthMs, retryFrom }),
  ];
}

/** The new instance is known to every gateway and reached by it, then one table version puts it in and the old one out. */
function arrive(slot: SlotPlan, to: PlannedRevision, drain: readonly Letter[]): PlannedStep[] {
  const { serviceId, host, letter, serving } = slot;
  const input = {
    serviceId,
    hostId: host.id,
    letter,
    revisionId: to.id,
    version: to.packageVersion,
    zone: host.zone,
    address: { fact: "address" },
    port: { fact: "port" },
  };
  const replaces = serving && drain.length > 0;
  const entering = replaces ? moves("attached", "attached") : moves("attaching", "detached");
  const shifting = replaces ? moves("attached", "attached") : moves("attaching", "attached");
  const introduce = onControl("introduce", input, {
    timeoutMs: TRAFFIC_MS,
    retryFrom: "start-instance",
    traffic: entering,
  });
  return [
    // It would lose the traffic that it has.
    ...(slot.attached ? [] : [introduce]),
    onControl(
      "shift-traffic",
      { ...input, drain },
      {
        timeoutMs: TRAFFIC_MS,
        traffic: shifting,
        gated: true,
      },
    ),
  ];
}

/** Out of the routes, and until its requests have ended. */
function leave(slot: SlotPlan, serving: boolean): PlannedStep[] {
  if (slot.old.length === 0) return [];
  const { serviceId, host, old } = slot;
  const detach = onControl(
    "detach",
    { serviceId, hostId: host.id, letters: old },
    {
      timeoutMs: TRAFFIC_MS,
      traffic: moves("draining", "draining"),
    },
  );
  return [...(serving ? [detach] : []), ...drained(slot, serving ? moves("draining", "detached") : null)];
}

function drained(slot: SlotPlan, traffic: PlannedStep["traffic"]): PlannedStep[] {
  const { serviceId, host, old, leaving } = slot;
  const input = {
    serviceId,
    hostId: host.id,
    letters: old,
    drainMs: leaving.drainSeconds * 1000,
    policy: leaving.policy,
  };
  return [
    onControl("await-drained", input, {
      timeoutMs: 2 * leaving.drainSeconds * 1000 + TRAFFIC_MS,
      traffic,
    }),
  ];
}

function stopOld({ old, leaving }: SlotPlan): PlannedStep[] {
  const stopMs = leaving.stopSeconds * 1000;
  return old.map((letter) =>
    onAgent(
      [old.length > 1 ? `stop-${letter}` : "stop-instance", "stop-instance"],
      { letter, stopMs },
      { timeoutMs: stopMs + STOP_MARGIN_MS },
    ),
  );
}
