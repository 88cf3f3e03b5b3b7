import type { Letter } from "@evenkeel/contracts/agent-protocol";
import type { HostId, RevisionId, ServiceId } from "@evenkeel/contracts/id";
import { type InstanceKey, instanceKey } from "@evenkeel/contracts/route-table";
import type { InstanceState } from "@evenkeel/contracts/service";
import { FULL_WEIGHT, type NewUpstream, type UpstreamState } from "../route/index.ts";

/** What a host says of a slot when it comes back after a restore, beside what the backup says of its traffic. */
export interface ReturnedSlot {
  readonly serviceId: ServiceId;
  readonly hostId: HostId;
  readonly zone: string;
  /** Requests come to the service. */
  readonly routed: boolean;
  readonly instances: readonly ReturnedInstance[];
  readonly upstreams: readonly Pick<UpstreamState, keyof NewUpstream | "state">[];
}

export interface ReturnedInstance {
  readonly letter: Letter;
  readonly revisionId: RevisionId;
  readonly version: string;
  readonly address: string;
  readonly port: number;
  readonly state: InstanceState;
  /** The backup has it too, as one that lives. */
  readonly known: boolean;
}

export interface Adoption {
  readonly put: readonly NewUpstream[];
  readonly remove: readonly InstanceKey[];
}

const NOTHING: Adoption = { put: [], remove: [] };
const GONE: readonly InstanceState[] = ["stopped", "stopping", "crash-loop"];

/**
 * Brings the traffic of a slot to what runs there: since the backup another instance may have taken the place of the one that it names, or
 * this one another port. Of two that live the backup's word stands, and what it knows as out of traffic stays out.
 */
export function adopt({ serviceId, hostId, zone, routed, instances, upstreams }: ReturnedSlot): Adoption {
  const alive = instances.filter(({ state }) => !GONE.includes(state));
  const carrier = upstreams.find(({ state, weight }) => state === "attached" && weight > 0);
  const [only, second] = alive;
  const now = alive.find(({ letter }) => letter === carrier?.letter) ?? (second === undefined ? only : undefined);
  if (now === undefined) return NOTHING;
  const { letter, revisionId, version, address, port } = now;
  const seen = { letter, revisionId, version, address, port };
  if (carrier === undefined) {
    const known =
      now.known || upstreams.some((upstream) => upstream.letter === letter && upstream.state === "draining");
    if (!routed || known) return NOTHING;
    const instance = instanceKey(serviceId, hostId, letter);
    return { put: [{ instance, serviceId, hostId, zone, weight: FULL_WEIGHT, ...seen }], remove: [] };
  }
  const isSame = (["letter", "revisionId", "address", "port"] as const).every((field) => carrier[field] === now[field]);
  if (isSame) return NOTHING;
  const put = { ...carrier, ...seen, instance: instanceKey(serviceId, hostId, letter) };
  return { put: [put], remove: letter === carrier.letter ? [] : [carrier.instance] };
}
