import type { WarmUp } from "@evenkeel/contracts/traffic-rule";

/** The share of its weight that an instance carries so long after it came in; Envoy's slow start. */
export function warmShare({ seconds, minimumPercent, aggression }: WarmUp, ageMs: number): number {
  if (ageMs >= seconds * 1000) return 1;
  const time = Math.max(ageMs / 1000, 1) / seconds;
  return Math.max(minimumPercent / 100, time ** (1 / aggression));
}

/** More than half of them are new: warming them up would only burden the others. */
export const isPointless = (warming: number, all: number): boolean => warming * 2 > all;
