import { join } from "node:path";
import { type Digest, RevisionId, type ServiceId } from "@evenkeel/contracts/id";
import { makeFolder, readJson, writeDurableJson } from "@evenkeel/kit/durable-file";
import { z } from "zod";
import type { ObjectStore } from "./object-store.ts";
import type { RevisionStore, StagedRevision } from "./revision-store.ts";

/** Kept beside what runs and the last good one. */
const OLDER_KEPT = 5;

const Good = z.array(RevisionId);

/** Which revisions of a service stay: what is wanted, the last two that were healthy (one runs, one may come back), and the newest few. */
export function revisionsToRemove(staged: readonly StagedRevision[], keep: ReadonlySet<RevisionId>): StagedRevision[] {
  const others = staged.filter(({ revisionId }) => !keep.has(revisionId));
  return others.sort((one, other) => other.stagedAt.localeCompare(one.stagedAt)).slice(OLDER_KEPT);
}

/** Remembers what was good and removes what nobody needs. */
export class Retention {
  readonly #folder: string;
  readonly #revisions: RevisionStore;
  readonly #objects: ObjectStore;
  readonly #wanted: () => Set<RevisionId>;
  readonly #ofModules: () => readonly Digest[];

  constructor(options: {
    folder: string;
    revisions: RevisionStore;
    objects: ObjectStore;
    wanted: () => Set<RevisionId>;
    /** Bundles of modules that a base holds. */
    ofModules: () => readonly Digest[];
  }) {
    this.#folder = options.folder;
    this.#revisions = options.revisions;
    this.#objects = options.objects;
    this.#wanted = options.wanted;
    this.#ofModules = options.ofModules;
  }

  /** The revision was healthy here. */
  async noteGood(serviceId: ServiceId, revisionId: RevisionId): Promise<void> {
    const good = await this.#good(serviceId);
    if (good[0] === revisionId) return;
    await makeFolder(this.#folder);
    const next = [revisionId, ...good.filter((one) => one !== revisionId)].slice(0, 2);
    await writeDurableJson(this.#file(serviceId), next);
  }

  /** True for a revision that runs or shall run, or that was good here lately. */
  async isNeeded(serviceId: ServiceId, revisionId: RevisionId): Promise<boolean> {
    return this.#wanted().has(revisionId) || (await this.#good(serviceId)).includes(revisionId);
  }

  /** Removes revisions of this service beyond those kept, and objects that none refers to. */
  async collect(serviceId: ServiceId, justStaged: RevisionId): Promise<void> {
    const all = await this.#revisions.list();
    const keep = new Set([...this.#wanted(), ...(await this.#good(serviceId)), justStaged]);
    const gone = revisionsToRemove(
      all.filter((staged) => staged.serviceId === serviceId),
      keep,
    );
    for (const { revisionId } of gone) await this.#revisions.remove(serviceId, revisionId);
    const stay = all.filter((staged) => !gone.includes(staged));
    const ofRevisions = stay.flatMap(({ packageDigest, buildpackDigest }) => [packageDigest, buildpackDigest]);
    await this.#objects.collect(new Set<Digest>([...ofRevisions, ...this.#ofModules()]));
  }

  #file(serviceId: ServiceId): string {
    return join(this.#folder, `${serviceId}.json`);
  }

  async #good(serviceId: ServiceId): Promise<RevisionId[]> {
    // Damaged by a full disk it is worth less than the stop of a release.
    return (await readJson(this.#file(serviceId), Good).catch(() => null)) ?? [];
  }
}
