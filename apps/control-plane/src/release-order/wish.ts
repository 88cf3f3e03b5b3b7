import { isRefusal, type Refusal, refuse } from "@evenkeel/contracts/error";
import { say } from "@evenkeel/contracts/phrase";
import { type Release, serviceOf } from "@evenkeel/contracts/release-order";
import {
  findRevision,
  hostsRefusal,
  isOccupied,
  type PlannedRevision,
  selectHosts,
  storedRevision,
  type WorldHost,
} from "../slot/plan/index.ts";
import type { Restore } from "./restore.ts";
import { newRevision } from "./revision.ts";
import { definitionOf, type World } from "./world.ts";

/** One host, and what is to run there. */
export interface Wish {
  readonly host: WorldHost;
  readonly to: PlannedRevision | null;
}

/** What a release wants of each host. */
export interface Wishes {
  /** What the service as a whole runs in the end. */
  readonly revision: PlannedRevision | null;
  readonly wishes: readonly Wish[];
}

/** Which hosts are to run which revision, or why that cannot be. */
export const wishesOf = (spec: Release, world: World): Wishes | Refusal =>
  "restore" in spec ? restored(spec, world) : released(spec, world);

function restored(spec: Restore, world: World): Wishes | Refusal {
  const find = (id: string | null) => findRevision(world, id);
  const wishes: Wish[] = [];
  for (const { hostId, revisionId } of spec.restore.targets) {
    const host = world.hosts.find(({ id }) => id === hostId);
    // A host that was removed meanwhile has nothing to be restored.
    if (host === undefined) continue;
    const to = find(revisionId);
    if (revisionId !== null && to === null)
      return refuse("NO_INVERSE", { problem: say("inverse.revision-gone", { revision: revisionId }) });
    // What ran there before may still be on the host itself; what somebody chose has to be fetched.
    if (to !== null && spec.restore.chosen === true && world.gone.has(to.id)) return refuseGone(to);
    wishes.push({ host, to });
  }
  return { revision: find(spec.restore.revisionId), wishes };
}

function released(spec: Exclude<Release, Restore>, world: World): Wishes | Refusal {
  const revision = revisionOf(spec, world);
  if (isRefusal(revision)) return revision;
  const selector = spec.hosts ?? definitionOf(spec, world.service)?.hosts ?? "all";
  const chosen = selectHosts(selector, world);
  const unfit = hostsRefusal(selector, world);
  if (unfit !== null) return unfit;
  if (!chosen.some(({ online }) => online)) return refuse("HOSTS_OFFLINE", { count: chosen.length });
  const leaving = world.hosts.filter(
    (host) => !chosen.includes(host) && spec.hosts === undefined && isOccupied(world, host),
  );
  return {
    revision,
    wishes: [...chosen.map((host) => ({ host, to: revision })), ...leaving.map((host) => ({ host, to: null }))],
  };
}

function revisionOf(spec: Exclude<Release, Restore>, world: World): PlannedRevision | Refusal {
  if ("package" in spec) return newRevision(spec, world);
  const found = world.revisions.get(spec.revisionId);
  if (found === undefined)
    return refuse("NOT_FOUND", { resource: `revision ${spec.revisionId} of ${serviceOf(spec)}` });
  const stored = storedRevision(found, world.sizes);
  return world.gone.has(stored.id) ? refuseGone(stored) : stored;
}

const refuseGone = ({ id, packageVersion }: PlannedRevision): Refusal =>
  refuse("REVISION_GONE", { revision: id, version: packageVersion });
