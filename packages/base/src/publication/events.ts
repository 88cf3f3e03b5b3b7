import type { Board } from "./board.ts";

/** Tells everybody who subscribes to an event by a publication: of each module the versions that rules choose, else its newest. */
export async function emitEvent(board: Board, name: string, payload: unknown): Promise<void> {
  const heard = new Set<string>();
  const told: unknown[] = [];
  for (const { module, value } of board.candidates<(payload: unknown) => unknown>("event", name)) {
    if (heard.has(module)) continue;
    heard.add(module);
    told.push(attempt(() => value(payload)));
  }
  await Promise.allSettled(told);
}

function attempt(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    return Promise.reject(error);
  }
}
