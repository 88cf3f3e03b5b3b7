/** Of the six connections that a browser opens to one place for all of its windows, one stays for what people ask for. */
const SLOTS = Array.from({ length: 5 }, (_, index) => `evenkeel stream ${index}`);

/**
 * Runs `work` while this window has one of the connections that streams may take. Where others have them all it waits until one
 * closes its stream: without, two windows beside each other would leave no connection by which anything could be asked. Where the
 * browser has no locks – over http, away from the machine itself – nobody counts.
 */
export async function withStreamSlot(signal: AbortSignal, work: () => Promise<void>): Promise<void> {
  const { locks } = navigator as { readonly locks?: LockManager };
  if (locks === undefined) return await work();
  const won = new AbortController();
  const either = AbortSignal.any([signal, won.signal]);
  const wait = async (name: string): Promise<void> => {
    const granted = locks.request(name, { signal: either }, async () => {
      // Two may be granted at once.
      if (either.aborted) return;
      won.abort();
      await work();
    });
    await granted.catch((error: unknown) => {
      if (!(error instanceof DOMException && error.name === "AbortError")) throw error;
    });
  };
  await Promise.all(SLOTS.map(wait));
}

/** Whether a stream that begins now would wait. */
export async function areSlotsTaken(): Promise<boolean> {
  const { locks } = navigator as { readonly locks?: LockManager };
  const { held = [] } = (await locks?.query()) ?? {};
  return SLOTS.every((slot) => held.some(({ name }) => name === slot));
}
