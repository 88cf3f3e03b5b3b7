import type { Digest } from "@evenkeel/contracts/id";
import { inTransaction } from "@evenkeel/kit/sql";
import { namedByBuildpacks } from "../buildpack/index.ts";
import { namedByModules } from "../module/index.ts";
import { forgetUntouchedUploads, holdDigest, knownUploads, namedByPackages } from "./store-upload.ts";
import type { UploadDeps } from "./upload.ts";

const DAY_MS = 86_400_000;

/** Takes away uploads that nobody continued for a day, and what pieces of killed requests left. */
export async function collectUploads(
  { db, objects }: Pick<UploadDeps, "db" | "objects">,
  olderThanMs = DAY_MS,
): Promise<void> {
  await forgetUntouchedUploads(db, olderThanMs);
  const drafts = await objects.untouched(olderThanMs);
  const known = await knownUploads(db, drafts);
  for (const draft of drafts) if (!known.has(draft)) await objects.drop(draft);
}

async function namedOf(db: UploadDeps["db"], digests: readonly Digest[]): Promise<Set<Digest>> {
  return new Set([
    ...(await namedByPackages(db, digests)),
    ...(await namedByBuildpacks(db, digests)),
    ...(await namedByModules(db, digests)),
  ]);
}

/**
 * Takes away objects that nothing names, a day after they were stored: what an upload left whose version other bits had taken, or that
 * was killed before its package was there. Plans and revisions name packages and buildpacks that are there, so these are enough to ask.
 */
export async function collectObjects(
  { db, objects }: Pick<UploadDeps, "db" | "objects">,
  olderThanMs = DAY_MS,
): Promise<void> {
  for await (const digests of objects.older(olderThanMs)) {
    const named = await namedOf(db, digests);
    for (const digest of digests) {
      if (named.has(digest)) continue;
      await inTransaction(db, async (tx) => {
        await holdDigest(tx, digest);
        // Somebody may have begun to upload these very bits since the look.
        if (!(await namedOf(tx, [digest])).has(digest)) await objects.remove(digest);
      });
    }
  }
}
