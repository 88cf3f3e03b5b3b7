import { PlatformError } from "@evenkeel/contracts/error";
import { openText, type SealedBy, sealText } from "@evenkeel/kit/sealed-text";

/** Keeps the secret fields of an answer so that only who made the request reads them again. */
export interface Seal {
  close(reply: unknown): unknown;
  open(answer: unknown): unknown;
}

export interface SealInput {
  readonly fields: readonly string[];
  /** What the caller proved himself by; the database has its digest alone, so who has the database opens nothing. */
  readonly secret: string;
  /** What the answer belongs to; it opens nowhere else. */
  readonly context: string;
}

/** A seal by the access token of the caller. */
export function sealBy({ fields, secret, context }: SealInput): Seal {
  const by: SealedBy = { secret, purpose: "answer", context };
  return {
    close: (reply) => {
      const [hidden, shown] = [{}, {}] as [Record<string, unknown>, Record<string, unknown>];
      for (const [name, value] of Object.entries(reply as object)) {
        if (fields.includes(name)) hidden[name] = value;
        else shown[name] = value;
      }
      return { shown, sealed: sealText(by, JSON.stringify(hidden)) };
    },
    open: (answer) => {
      const { shown, sealed } = answer as { shown: object; sealed: string };
      return { ...shown, ...(JSON.parse(opened(by, sealed)) as object) };
    },
  };
}

function opened(by: SealedBy, sealed: string): string {
  try {
    return openText(by, sealed);
  } catch (error) {
    throw new PlatformError("ANSWER_SEALED", {}, { cause: error });
  }
}
