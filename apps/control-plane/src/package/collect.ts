import { forgetUntouchedUploads, knownUploads } from "./store-upload.ts";
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
