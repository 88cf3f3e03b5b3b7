import type { LockRequest, Plan, PlannedStep, PlannedTarget } from "@evenkeel/contracts/change-plan";
import { isRefusal, type Refusal, refuse } from "@evenkeel/contracts/error";
import { say } from "@evenkeel/contracts/phrase";
import type { ScaleOrderSpec } from "@evenkeel/contracts/scale-order";
import type { HostSelector } from "@evenkeel/contracts/service";
import type { Draft } from "../change/index.ts";
import type { StoredService } from "../service/index.ts";
import {
  basisOfSlots,
  hostLocks,
  isOccupied,
  isServing,
  lockNames,
  planSlot,
  selectHosts,
  type WorldHost,
} from "../slot/plan/index.ts";
import { type Placement, placementOf } from "./placement.ts";
import type { ScaleWorld } from "./world.ts";

/** What the plan keeps for its rollback. */
export interface ScalePayload {
  readonly workspace: string;
  readonly service: string;
}

/** What the last step makes the service's own. */
export interface Settlement {
  readonly serviceId: string;
  readonly hosts: HostSelector;
  /** They began beside a change under way, and get what the service runs after it. */
  readonly owed: readonly string[];
}

interface Wanted {
  readonly service: StoredService;
  readonly added: readonly { readonly host: WorldHost; readonly placement: Placement }[];
  readonly removed: readonly WorldHost[];
  readonly hosts: HostSelector;
}

/** Spec + world → the plan by which a service gets or loses hosts, or why there is none. */
export function planScale(spec: ScaleOrderSpec, world: ScaleWorld): Draft | Refusal {
  const wanted = wantedOf(spec, world);
  if (isRefusal(wanted)) return wanted;
  const { service, added, removed } = wanted;
  const plan = (host: WorldHost, to: Placement["to"] | null) =>
    planSlot(world, { serviceId: service.id, host, to }, spec.strategy);
  const targets = [
    ...added.map(({ host, placement }) => plan(host, placement.to)),
    ...removed.map((host) => plan(host, null)),
  ];
  if (!targets.some(({ online }) => online)) return refuse("HOSTS_OFFLINE", { count: targets.length });
  const { strategy } = spec;
  const payload: ScalePayload = { workspace: spec.workspace, service: service.name };
  return {
    title: titleOf(wanted),
    // What is added was admitted when it was released: no new bits.
    applications: [
      { name: service.application, fromRevisionId: service.revisionId, packageDigest: null, buildpackDigest: null },
    ],
    opening: [],
    closing: [settle(wanted)],
    groups: [
      {
        ...{ groupId: service.name, name: service.name, after: [], strategy },
        targetIds: targets.map(({ targetId }) => targetId),
      },
    ],
    targets,
    basis: basisOf(wanted, world, targets),
    differences: [{ field: "hosts", from: shown(service.definition.hosts), to: shown(wanted.hosts) }],
    missing: [],
    warnings: warningsOf(wanted),
    irreversible: null,
    fromRevisionId: service.revisionId,
    toRevisionId: service.revisionId,
    configurationDigest: null,
    expectedMs: null,
    payload,
  };
}

const shown = (selector: HostSelector) =>
  Array.isArray(selector)
    ? selector.join(", ")
    : typeof selector === "object"
      ? JSON.stringify(selector)
      : String(selector);

function titleOf({ service: { name: service }, added, removed }: Wanted): string {
  const hosts = added.map(({ host }) => host.name);
  const others = removed.map(({ name }) => name);
  if (others.length === 0) return say("title.add", { service, hosts });
  return hosts.length === 0
    ? say("title.take-away", { service, hosts: others })
    : say("title.add-take-away", { service, hosts, others });
}

function wantedOf(spec: ScaleOrderSpec, world: ScaleWorld): Wanted | Refusal {
  const { service } = world;
  if (service === null) return refuse("NOT_FOUND", { resource: `service ${spec.service}` });
  const found = hostsNamed([...spec.add, ...spec.remove], world);
  if (isRefusal(found)) return found;
  const inPlan = refuseInPlan(service, world, found);
  if (inPlan !== null) return inPlan;
  const chosen = selectHosts(service.definition.hosts, world);
  const isTarget = (host: WorldHost) => chosen.includes(host) || isOccupied(world, host);
  const added = found.filter(({ name }) => spec.add.includes(name));
  const removed = found.filter(({ name }) => spec.remove.includes(name));
  const there = added.filter((host) => isServing(world, host));
  if (there.length > 0) return alreadySo(service, "online", there);
  const absent = removed.filter((host) => !isTarget(host));
  if (absent.length > 0) return alreadySo(service, "offline", absent);
  const after = world.hosts.filter((host) => added.includes(host) || (isTarget(host) && !removed.includes(host)));
  const [first, ...rest] = after.map(({ name }) => name);
  if (first === undefined)
    return refuse("INPUT_INVALID", {
      problem: say("why.keeps-a-host", { service: service.name }),
    });
  const same = after.length === chosen.length && after.every((host) => chosen.includes(host));
  const placed = placeAll(service, world, added);
  if (isRefusal(placed)) return placed;
  return { service, added: placed, removed, hosts: same ? service.definition.hosts : [first, ...rest] };
}

function placeAll(service: StoredService, world: ScaleWorld, added: readonly WorldHost[]): Wanted["added"] | Refusal {
  const placed = [];
  for (const host of added) {
    const placement = placementOf(world, service, host);
    if (isRefusal(placement)) return placement;
    placed.push({ host, placement });
  }
  return placed;
}

/** What a change under way works on is its own until it has ended. */
function refuseInPlan(service: StoredService, { underWay }: ScaleWorld, hosts: readonly WorldHost[]): Refusal | null {
  if (underWay === null) return null;
  const { changeId: change, plan } = underWay;
  const host = hosts.find((one) => plan.targets.some(isTargetOn(service, one)));
  return host === undefined ? null : refuse("TARGET_IN_PLAN", { host: host.name, change, title: plan.title });
}

const isTargetOn =
  (service: StoredService, host: WorldHost) =>
  ({ slot, hostId }: PlannedTarget): boolean =>
    slot === service.id && hostId === host.id;

const alreadySo = ({ name }: StoredService, state: string, hosts: readonly WorldHost[]) =>
  refuse("ALREADY_SO", { service: name, state, hosts: hosts.map((host) => host.name) });

function hostsNamed(names: readonly string[], world: ScaleWorld): WorldHost[] | Refusal {
  const unknown = names.find((name) => !world.hosts.some((host) => host.name === name));
  if (unknown !== undefined) return refuse("NOT_FOUND", { resource: `host ${unknown}` });
  return world.hosts.filter(({ name }) => names.includes(name));
}

/** The hosts are the service's own from now on. */
function settle({ service, hosts, added }: Wanted): PlannedStep {
  const owed = added.flatMap(({ host, placement }) => (placement.beside === null ? [] : [host.id]));
  const input: Settlement = { serviceId: service.id, hosts, owed };
  return {
    ...{ name: "settle-targets", on: "control", type: "settle-targets", input: { ...input } },
    ...{ timeoutMs: 60_000, repeatable: true, retryFrom: null, traffic: null },
  };
}

function basisOf({ service, added }: Wanted, world: ScaleWorld, targets: readonly PlannedTarget[]): Plan["basis"] {
  const hosts = shown(service.definition.hosts);
  const beside = added.map(({ host, placement }) => {
    const label = say("label.batch-of", { host: host.name });
    return { resource: `placement/${host.id}`, version: `${placement.to.id} ${placement.beside ?? ""}`, label };
  });
  return [
    {
      resource: `targets/${service.name}`,
      version: hosts,
      label: say("label.hosts", { service: service.name }),
      shown: hosts,
    },
    ...beside,
    ...basisOfSlots(world, targets),
  ];
}

function warningsOf({ added, removed }: Wanted): string[] {
  const offline = [...added.map(({ host }) => host), ...removed].filter(({ online }) => !online);
  return [
    ...added.flatMap(({ host, placement }) =>
      placement.beside === null
        ? []
        : [
            say("warning.begins-beside", {
              ...{ host: host.name, version: placement.to.packageVersion, beside: placement.beside },
            }),
          ],
    ),
    ...(offline.length > 0 ? [say("warning.offline", { hosts: offline.map(({ name }) => name) })] : []),
  ];
}

/** It goes beside a release that is under way; none begins beside it. */
export function locksOfScale(spec: ScaleOrderSpec, world: ScaleWorld): LockRequest[] {
  const names = lockNames(world, spec.service);
  const found = hostsNamed([...spec.add, ...spec.remove], world);
  return [
    { resource: names.targets, mode: "exclusive", label: say("label.targets", { service: spec.service }) },
    ...hostLocks(isRefusal(found) ? [] : found),
  ];
}
