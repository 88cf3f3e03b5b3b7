import { createHash } from "node:crypto";
import { canonicalJson } from "@evenkeel/contracts/canonical";
import { Digest } from "@evenkeel/contracts/id";
import type { Configuration } from "@evenkeel/contracts/service";

/** Everything that the instances of a revision depend on. */
export interface RevisionContent {
  /** The application is told its version: the same bits under another name are another revision. */
  readonly packageVersion: string;
  readonly packageDigest: Digest;
  readonly buildpackDigest: Digest;
  readonly configuration: Configuration;
}

/** Names a revision by its content: the same content, released again, is the same revision. */
export function revisionDigest(content: RevisionContent): Digest {
  const { packageVersion, packageDigest, buildpackDigest, configuration } = content;
  const text = canonicalJson({ packageVersion, packageDigest, buildpackDigest, configuration });
  return Digest.parse(`sha256:${createHash("sha256").update(text).digest("hex")}`);
}
