import type { IncomingMessage } from "node:http";

/** How much of a refused body is read away, in bytes; who sends more is cut off. */
const DROP_BYTES = 64 * 1024 ** 2;
const DROP_MS = 10_000;

/** Reads what is left of a body and drops it: a sender that is cut off while it writes never reads our answer. */
export function dropBody(body: IncomingMessage): Promise<void> {
  if (body.complete || body.destroyed) return Promise.resolve();
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, DROP_MS);
  let bytes = 0;
  body.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > DROP_BYTES) resolve();
  });
  body.once("close", resolve);
  body.once("end", resolve);
  body.resume();
  return promise.finally(() => clearTimeout(timer));
}
