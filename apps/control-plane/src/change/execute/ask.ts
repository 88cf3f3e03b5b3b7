import type { HttpGuard } from "@evenkeel/contracts/guard";
import { say } from "@evenkeel/contracts/phrase";
import { type Answer, readAnswer } from "../guard/answer.ts";
import type { NamedPost } from "../store/verdict.ts";

const REQUEST_MS = 10_000;
const REPLY_BYTES = 64 * 1024;

export interface Asking {
  /** What the question's key is made of: the same question has the same key, whoever asks it. */
  readonly post: Pick<NamedPost, "changeId" | "batchId" | "when" | "guard">;
  readonly guard: Pick<HttpGuard, "url" | "everySeconds">;
  /** What the other side is told. */
  readonly about: Readonly<Record<string, unknown>>;
}

/** Asks once, or looks once for the answer at its status address. */
export async function ask(
  { guard, post, about }: Asking,
  statusUrl: string | null,
  signal: AbortSignal,
): Promise<Answer> {
  const url = statusUrl ?? guard.url;
  const { changeId, batchId, when } = post;
  const common = { redirect: "manual", signal: AbortSignal.any([signal, AbortSignal.timeout(REQUEST_MS)]) } as const;
  const headers = { accept: "application/json", "user-agent": "evenkeel" };
  try {
    const response =
      statusUrl !== null
        ? await fetch(url, { ...common, headers })
        : await fetch(url, {
            ...common,
            method: "POST",
            headers: {
              ...headers,
              "content-type": "application/json",
              "idempotency-key": `${changeId}/${batchId}/${post.guard}/${when}`,
            },
            body: JSON.stringify(about),
          });
    const { status } = response;
    return readAnswer({ url, status, location: response.headers.get("location"), body: await bodyOf(response) });
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    return {
      kind: "none",
      text: say("verdict.not-asked", { problem: cause instanceof Error ? cause.message : String(cause) }),
    };
  }
}

/** No more than an answer needs. */
async function bodyOf(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > REPLY_BYTES) throw new Error(`its answer is longer than ${REPLY_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
