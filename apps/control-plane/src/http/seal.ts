import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto";
import { PlatformError } from "@evenkeel/contracts/error";

/** Keeps the secret fields of an answer so that only who made the request reads them again. */
export interface Seal {
  close(reply: unknown): unknown;
  open(answer: unknown): unknown;
}

const CIPHER = "aes-256-gcm";
const SALT_BYTES = 16;
const IV_BYTES = 12;
const TAG_BYTES = 16;

export interface SealInput {
  readonly fields: readonly string[];
  /** What the caller proved himself by; the database has its digest alone, so who has the database opens nothing. */
  readonly secret: string;
  /** What the answer belongs to; it opens nowhere else. */
  readonly context: string;
}

/** A seal by the access token of the caller. */
export function sealBy({ fields, secret, context }: SealInput): Seal {
  const keyOf = (salt: Uint8Array): Uint8Array => new Uint8Array(hkdfSync("sha256", secret, salt, "answer", 32));
  return {
    close: (reply) => {
      const [hidden, shown] = [{}, {}] as [Record<string, unknown>, Record<string, unknown>];
      for (const [name, value] of Object.entries(reply as object)) {
        if (fields.includes(name)) hidden[name] = value;
        else shown[name] = value;
      }
      const salt = randomBytes(SALT_BYTES);
      const iv = randomBytes(IV_BYTES);
      const cipher = createCipheriv(CIPHER, keyOf(salt), iv).setAAD(Buffer.from(context));
      const text = Buffer.concat([cipher.update(JSON.stringify(hidden)), cipher.final()]);
      return { shown, sealed: Buffer.concat([salt, iv, cipher.getAuthTag(), text]).toString("base64url") };
    },
    open: (answer) => {
      const { shown, sealed } = answer as { shown: object; sealed: string };
      const bytes = Buffer.from(sealed, "base64url");
      const [iv, tag, text] = [SALT_BYTES, SALT_BYTES + IV_BYTES, SALT_BYTES + IV_BYTES + TAG_BYTES];
      const decipher = createDecipheriv(CIPHER, keyOf(bytes.subarray(0, iv)), bytes.subarray(iv, tag));
      decipher.setAAD(Buffer.from(context)).setAuthTag(bytes.subarray(tag, text));
      return { ...shown, ...(JSON.parse(opened(decipher, bytes.subarray(text))) as object) };
    },
  };
}

function opened(decipher: ReturnType<typeof createDecipheriv>, text: Uint8Array): string {
  try {
    return Buffer.concat([decipher.update(text), decipher.final()]).toString();
  } catch (error) {
    throw new PlatformError("ANSWER_SEALED", {}, { cause: error });
  }
}
