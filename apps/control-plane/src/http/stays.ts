import { PlatformError } from "@evenkeel/contracts/error";

export interface Stay {
  /** Finds out anew who reads, and throws where he may not any more. */
  readonly ask: () => Promise<unknown>;
  readonly everyMs: number;
  /** Its end is the end of the stream. */
  readonly leaving: AbortController;
}

const OVER: readonly string[] = ["TOKEN_UNKNOWN", "PERMISSION_MISSING"];

/** Who has lost his token, or what he may, reads no stream on: looked at again and again, for another replica may have taken it away. */
export function endWithPermission({ ask, everyMs, leaving }: Stay): void {
  const look = async (): Promise<void> => {
    try {
      await ask();
    } catch (error) {
      // A database that is away says nothing about him.
      if (error instanceof PlatformError && OVER.includes(error.code)) leaving.abort();
    }
  };
  const timer = setInterval(() => void look(), everyMs);
  leaving.signal.addEventListener("abort", () => clearInterval(timer), { once: true });
}
