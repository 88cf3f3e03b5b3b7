import type { LockRequest, Plan, PlannedTarget } from "@evenkeel/contracts/change-plan";
import { say } from "@evenkeel/contracts/phrase";
import type { SlotWorld } from "./world.ts";

/** Hosts and what runs on them, as versions to be compared at the start. */
export function basisOfSlots(world: SlotWorld, targets: readonly PlannedTarget[]): Plan["basis"] {
  const hosts = targets.map(({ hostId }) => {
    const host = world.hosts.find(({ id }) => id === hostId);
    return {
      resource: `host/${hostId}`,
      version: String(host?.version ?? 0),
      label: say("label.host", { host: String(host?.name) }),
    };
  });
  const slots = targets.map(({ targetId, facts, from }) => ({
    resource: `slot/${targetId}`,
    version: String(facts.fromRevisionId ?? "empty"),
    label: say("label.runs-on", { target: targetId }),
    shown: from ?? "nothing",
  }));
  return [...hosts, ...slots];
}

/** Names of what changes of one service hold. */
export function lockNames(world: SlotWorld, service: string) {
  const key = `service/${world.workspace.id}/${service}`;
  return { revision: `${key}/revision`, routes: `${key}/routes`, targets: `${key}/targets` };
}

/** The hosts of a change, held so that none of them goes away under it. */
export function hostLocks(hosts: readonly { readonly id: string; readonly name: string }[]): LockRequest[] {
  return hosts.map(({ id, name }) => ({
    resource: `host/${id}`,
    mode: "shared",
    label: say("label.host", { host: name }),
  }));
}
