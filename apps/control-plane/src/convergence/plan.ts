import type { LockRequest } from "@evenkeel/contracts/change-plan";
import type { ConvergenceSpec } from "@evenkeel/contracts/convergence";
import { type Refusal, refuse } from "@evenkeel/contracts/error";
import { say } from "@evenkeel/contracts/phrase";
import { Strategy } from "@evenkeel/contracts/strategy";
import type { Draft } from "../change/index.ts";
import {
  basisOfSlots,
  findRevision,
  hostLocks,
  isOccupied,
  isServing,
  lockNames,
  planSlot,
  type SlotWorld,
  type WorldHost,
} from "../slot/plan/index.ts";

export interface ConvergenceWorld extends SlotWorld {
  /** The service's revision is to stand there; false = nothing. */
  readonly running: boolean;
}

/** Says whether the host has what is wanted of it, and nothing beside it. */
export function isConverged(world: ConvergenceWorld, host: WorldHost): boolean {
  const wanted = world.running && world.service?.revisionId != null;
  if (!wanted) return !isOccupied(world, host);
  const standing = world.instances.filter(({ hostId, state }) => hostId === host.id && state !== "stopped");
  return standing.length === 1 && isServing(world, host);
}

/** Spec + world → the plan by which one host gets what its service runs now. */
export function planConvergence(spec: ConvergenceSpec, world: ConvergenceWorld): Draft | Refusal {
  const { service: stored } = world;
  if (stored === null) return refuse("NOT_FOUND", { resource: `service ${spec.service}` });
  const host = world.hosts.find(({ name }) => name === spec.host);
  if (host === undefined) return refuse("NOT_FOUND", { resource: `host ${spec.host}` });
  if (!host.online) return refuse("HOSTS_OFFLINE", { count: 1 });
  const to = world.running ? findRevision(world, stored.revisionId) : null;
  if (isConverged(world, host))
    return refuse("ALREADY_SO", { service: spec.service, state: to?.packageVersion ?? "offline", hosts: host.name });
  const strategy = Strategy.parse({});
  const target = planSlot(world, { serviceId: stored.id, host, to }, strategy);
  const { service } = spec;
  return {
    title:
      to == null
        ? say("title.converge-nothing", { service, host: host.name })
        : say("title.converge-host", { service, host: host.name, version: to.packageVersion }),
    applications: [
      { name: stored.application, fromRevisionId: stored.revisionId, packageDigest: null, buildpackDigest: null },
    ],
    opening: [],
    closing: [],
    groups: [{ groupId: service, name: service, after: [], strategy, targetIds: [target.targetId] }],
    targets: [target],
    basis: [
      { resource: `service/${service}`, version: stored.id, label: say("label.service", { service }) },
      {
        resource: `revision/${service}`,
        version: stored.revisionId ?? "none",
        label: say("label.revision", { service }),
      },
      { resource: "wanted", version: String(world.running), label: say("label.wanted-on", { host: host.name }) },
      ...basisOfSlots(world, [target]),
    ],
    differences: [
      { field: host.name, from: target.from ?? say("value.nothing"), to: target.to ?? say("value.nothing") },
    ],
    missing: [],
    warnings: [],
    irreversible: say("inverse.converged-host"),
    fromRevisionId: stored.revisionId,
    toRevisionId: stored.revisionId,
    configurationDigest: to?.digest ?? null,
    expectedMs: null,
    payload: null,
  };
}

/** It waits for whoever alters the service as a whole; hosts that converge do not wait for each other. */
export function locksOfConvergence({ service, host: name }: ConvergenceSpec, world: ConvergenceWorld): LockRequest[] {
  const names = lockNames(world, service);
  return [
    { resource: names.revision, mode: "shared", label: say("label.service", { service }) },
    { resource: names.targets, mode: "shared", label: say("label.targets", { service }) },
    {
      resource: `slot/${world.workspace.id}/${service}/${name}`,
      mode: "exclusive",
      label: say("label.slot", { service, host: name }),
    },
    ...hostLocks(world.hosts.filter((host) => host.name === name)),
  ];
}
