/** Until when the time of each waiting thing (a batch that bakes, a control step) has been charged, by the worker's own monotonic clock. */
export type Ledger = ReadonlyMap<string, number>;

export interface Charge {
  readonly id: string;
  readonly ms: number;
}

/**
 * What has passed for everything that waited at the last look too; what is new begins at this look.
 * Whole milliseconds only: the rest stays for the next time, however often somebody looks.
 */
export function chargesSince(ledger: Ledger, waiting: readonly string[], nowMs: number): Charge[] {
  return waiting.flatMap((id) => {
    const sinceMs = ledger.get(id);
    const ms = sinceMs === undefined ? 0 : Math.floor(nowMs - sinceMs);
    return ms > 0 ? [{ id, ms }] : [];
  });
}

/** The ledger after these charges; what began to wait during the look counts from its end. */
export function settleLedger(
  ledger: Ledger,
  {
    charges,
    waiting,
    endMs,
  }: { readonly charges: readonly Charge[]; readonly waiting: readonly string[]; readonly endMs: number },
): Ledger {
  const charged = new Map(charges.map(({ id, ms }) => [id, ms]));
  return new Map(
    waiting.map((id) => {
      const sinceMs = ledger.get(id);
      return [id, sinceMs === undefined ? endMs : sinceMs + (charged.get(id) ?? 0)];
    }),
  );
}
