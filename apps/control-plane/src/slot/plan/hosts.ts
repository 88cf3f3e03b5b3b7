import { type Refusal, refuse } from "@evenkeel/contracts/error";
import type { HostSelector } from "@evenkeel/contracts/service";
import { findRevision, type PlannedRevision } from "./revision.ts";
import type { SlotWorld, WorldHost } from "./world.ts";

interface Placed {
  readonly name: string;
  readonly zone: string;
  readonly cell: string | null;
}

interface Place<Host> {
  readonly workspace: { readonly zones: readonly string[] };
  readonly hosts: readonly Host[];
}

// For thousands of hosts: a comparison with options of its own makes such a thing each time.
const names = new Intl.Collator("en", { numeric: true });

/** Hosts in the order of zones and names. */
function inOrder<Host extends Placed>({ workspace, hosts }: Place<Host>): Host[] {
  const zones = new Map(workspace.zones.map((zone, index) => [zone, index]));
  const zoneOf = ({ zone }: Host) => zones.get(zone) ?? -1;
  return [...hosts].sort((one, other) => zoneOf(one) - zoneOf(other) || names.compare(one.name, other.name));
}

/** The hosts of a place that a selector means, in order; a number takes those first that are preferred. */
export function pickHosts<Host extends Placed>(
  selector: HostSelector,
  place: Place<Host>,
  isPreferred: (host: Host) => boolean = () => false,
): Host[] {
  const ordered = inOrder(place);
  if (selector === "all") return ordered;
  if (typeof selector === "number") {
    const { true: first = [], false: others = [] } = Object.groupBy(ordered, (host) => `${isPreferred(host)}`);
    const picked = new Set([...first, ...others].slice(0, selector));
    return ordered.filter((host) => picked.has(host));
  }
  if (Array.isArray(selector)) return ordered.filter(({ name }) => selector.includes(name));
  if ("cells" in selector) return ordered.filter(({ cell }) => cell !== null && selector.cells.includes(cell));
  return ordered.filter(({ zone }) => selector.zones.includes(zone));
}

/** The hosts that a selector means for a service; a number takes those that run it first. */
export function selectHosts(selector: HostSelector, world: SlotWorld): WorldHost[] {
  return pickHosts(selector, world, (host) => world.instances.some(({ hostId }) => hostId === host.id));
}

/** Why a selector is refused: nothing fits it, or it names a host that is none (a slip must take no instance away); null = it fits. */
export function hostsRefusal(selector: HostSelector, world: SlotWorld): Refusal | null {
  const names = Array.isArray(selector) ? selector : [];
  const vain = names.filter((name) => !world.hosts.some((host) => host.name === name));
  if (vain.length === 0 && selectHosts(selector, world).length > 0) return null;
  const shown = typeof selector === "object" ? JSON.stringify(selector) : String(selector);
  const named = vain.length === 0 ? shown : vain.join(", ");
  return refuse("HOSTS_NONE", { workspace: world.workspace.name, selector: `hosts: ${named}` });
}

/** Says whether anything of the service stands on the host: an instance that is not stopped, or a place in the routes. */
export function isOccupied(world: SlotWorld, { id }: WorldHost): boolean {
  return (
    world.upstreams.some(({ hostId }) => hostId === id) ||
    world.instances.some(({ hostId, state }) => hostId === id && state !== "stopped")
  );
}

/** Says whether a healthy instance of the service's own revision runs on the host, in the routes where it has some. */
export function isServing(world: SlotWorld, { id }: WorldHost): boolean {
  const revisionId = world.service?.revisionId ?? null;
  const healthy = world.instances.filter(
    (instance) => instance.hostId === id && instance.state === "healthy" && instance.revisionId === revisionId,
  );
  const routed = (findRevision(world, revisionId)?.configuration.routes.length ?? 0) > 0;
  const attached = (letter: string) =>
    world.upstreams.some(
      (upstream) =>
        upstream.hostId === id && upstream.letter === letter && upstream.state === "attached" && upstream.weight > 0,
    );
  return healthy.some(({ letter }) => !routed || attached(letter));
}

/** The revision that takes traffic on the host, or else lives there, or else shall. */
export function standingRevision(world: SlotWorld, { id }: WorldHost): PlannedRevision | null {
  const serving = world.upstreams.find(
    ({ hostId, state, weight }) => hostId === id && state === "attached" && weight > 0,
  );
  const there = world.instances.filter(({ hostId, state }) => hostId === id && state !== "stopped");
  const alive = there.find(({ state }) => state !== "crash-loop") ?? there[0];
  return findRevision(world, serving?.revisionId ?? alive?.revisionId ?? null);
}
