import type { Difference, LockRequest, PlannedStep } from "@evenkeel/contracts/change-plan";
import { type Refusal, refuse } from "@evenkeel/contracts/error";
import type { ServiceId } from "@evenkeel/contracts/id";
import { say } from "@evenkeel/contracts/phrase";
import type { RemovalOrderSpec } from "@evenkeel/contracts/removal-order";
import type { RouteRule } from "@evenkeel/contracts/service";
import type { Draft } from "../change/index.ts";
import { basisOfSlots, hostLocks, isOccupied, lockNames, planSlot, type SlotWorld } from "../slot/plan/index.ts";

export interface RemovalWorld extends SlotWorld {
  readonly routes: readonly RouteRule[];
}

/** Spec + world → the plan by which a service is taken away, or why it cannot be. */
export function planRemoval(spec: RemovalOrderSpec, world: RemovalWorld): Draft | Refusal {
  const { service } = world;
  if (service === null) return refuse("NOT_FOUND", { resource: `service ${spec.service}` });
  const hosts = hostsOf(world);
  const away = hosts.filter(({ online }) => !online).map(({ name }) => name);
  // Nobody would be left to say that what runs there is to be stopped.
  if (away.length > 0) return refuse("SERVICE_OUT_OF_REACH", { service: service.name, hosts: away });
  const { strategy } = spec;
  const targets = hosts.map((host) => planSlot(world, { serviceId: service.id, host, to: null }, strategy));
  const group = { groupId: service.name, name: service.name, after: [], strategy };
  return {
    title: say("title.remove", { service: service.name }),
    applications: [
      { name: service.application, fromRevisionId: service.revisionId, packageDigest: null, buildpackDigest: null },
    ],
    opening: [],
    closing: [removeStep(service.id)],
    groups: targets.length === 0 ? [] : [{ ...group, targetIds: targets.map(({ targetId }) => targetId) }],
    targets,
    basis: [
      {
        resource: `service/${service.name}`,
        version: `${service.id} ${service.version}`,
        label: say("label.service", { service: service.name }),
      },
      ...basisOfSlots(world, targets),
    ],
    differences: differencesOf(world),
    missing: [],
    warnings: world.routes.map(({ host, path }) => say("warning.leads-nowhere", { route: `${host}${path}` })),
    irreversible: say("inverse.removed"),
    fromRevisionId: service.revisionId,
    toRevisionId: null,
    configurationDigest: null,
    expectedMs: null,
    payload: null,
  };
}

const hostsOf = (world: RemovalWorld) => world.hosts.filter((host) => isOccupied(world, host));

/** Everything that goes, so that whoever depends on it is found before. */
function differencesOf(world: RemovalWorld): Difference[] {
  const rows: [field: string, from: string][] = [
    ...world.routes.map(({ host, path }): [string, string] => [say("field.route"), `${host}${path}`]),
    ...hostsOf(world).map(({ name }): [string, string] => [say("field.instance"), name]),
    [say("field.revisions"), String(world.revisions.size)],
    [say("field.parameters"), say("value.version", { version: String(world.service?.parameters.version) })],
  ];
  return rows.map(([field, from]) => ({ field, from, to: null }));
}

function removeStep(serviceId: ServiceId): PlannedStep {
  return {
    ...{ name: "remove-service", on: "control", type: "remove-service", input: { serviceId } },
    ...{ timeoutMs: 60_000, repeatable: true, retryFrom: null, traffic: null },
  };
}

/** What a removal holds while it runs: all that anybody may do with the service. */
export function locksOfRemoval({ service }: RemovalOrderSpec, world: RemovalWorld): LockRequest[] {
  const names = lockNames(world, service);
  return [
    { resource: names.revision, mode: "exclusive", label: say("label.service", { service }) },
    { resource: names.routes, mode: "exclusive", label: say("label.routes", { service }) },
    { resource: names.targets, mode: "exclusive", label: say("label.targets", { service }) },
    ...hostLocks(hostsOf(world)),
  ];
}
