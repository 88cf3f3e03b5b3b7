import { createHash, randomBytes } from "node:crypto";

/** A secret that nobody guesses: 32 random bytes behind a prefix that scanners of leaked secrets can look for. */
export function newSecret(): string {
  return `ekt_${randomBytes(32).toString("base64url")}`;
}

/** The secret of a login link, of the same strength. */
export function newLinkSecret(): string {
  return `ekl_${randomBytes(32).toString("base64url")}`;
}

/** What is stored of a secret; a plain hash is enough for 256 random bits. */
export function secretDigest(secret: string): string {
  return createHash("sha256").update(secret).digest("hex");
}
