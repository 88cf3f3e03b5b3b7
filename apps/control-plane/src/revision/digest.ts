import { createHash } from "node:crypto";
import { canonicalJson } from "@evenkeel/contracts/canonical";
import { Digest } from "@evenkeel/contracts/id";
import type { Configuration } from "@evenkeel/contracts/service";

/** Everything that the instances of a revision depend on. */
export interface RevisionContent {
  readonly packageDigest: Digest;
  readonly buildpackDigest: Digest;
  readonly configuration: Configuration;
}

/** Names a revision by its content: the same content, released again, is the same revision. */
export function revisionDigest({ packageDigest, buildpackDigest, configuration }: RevisionContent): Digest {
  const text = canonicalJson({ packageDigest, buildpackDigest, configuration });
  return Digest.parse(`sha256:${createHash("sha256").update(text).digest("hex")}`);
}
