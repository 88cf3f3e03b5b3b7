import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto";

const CIPHER = "aes-256-gcm";
const SALT_BYTES = 16;
const IV_BYTES = 12;
const TAG_BYTES = 16;

/** What a text is sealed by. */
export interface SealedBy {
  readonly secret: string;
  /** What sort of text; the same secret makes another key for another purpose. */
  readonly purpose: string;
  /** What the text belongs to; it opens nowhere else. */
  readonly context: string;
}

const keyOf = ({ secret, purpose }: SealedBy, salt: Uint8Array): Uint8Array =>
  new Uint8Array(hkdfSync("sha256", secret, salt, purpose, 32));

/** Seals a text so that only who has the secret reads it, and only in its context. */
export function sealText(by: SealedBy, text: string): string {
  const salt = randomBytes(SALT_BYTES);
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv(CIPHER, keyOf(by, salt), iv).setAAD(Buffer.from(by.context));
  const bytes = Buffer.concat([cipher.update(text), cipher.final()]);
  return Buffer.concat([salt, iv, cipher.getAuthTag(), bytes]).toString("base64url");
}

/** The text again; throws where secret, purpose or context are others, or a bit of it has moved. */
export function openText(by: SealedBy, sealed: string): string {
  const bytes = Buffer.from(sealed, "base64url");
  const [iv, tag, text] = [SALT_BYTES, SALT_BYTES + IV_BYTES, SALT_BYTES + IV_BYTES + TAG_BYTES];
  const decipher = createDecipheriv(CIPHER, keyOf(by, bytes.subarray(0, iv)), bytes.subarray(iv, tag));
  decipher.setAAD(Buffer.from(by.context)).setAuthTag(bytes.subarray(tag, text));
  return Buffer.concat([decipher.update(bytes.subarray(text)), decipher.final()]).toString();
}
