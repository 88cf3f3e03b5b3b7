import type { RevisionId } from "@evenkeel/contracts/id";
import type { Release } from "@evenkeel/contracts/release-order";

/** A release that brings hosts back to what ran there. */
export type Restore = Extract<Release, { restore: unknown }>;

/** Every host that goes back goes to this revision. */
export function withRevision<Restoring extends Pick<Restore, "restore">>(
  release: Restoring,
  revisionId: RevisionId | null,
): Restoring {
  if (revisionId === null) return release;
  const targets = release.restore.targets.map(({ hostId }) => ({ hostId, revisionId }));
  return { ...release, restore: { ...release.restore, revisionId, targets, chosen: true } };
}
