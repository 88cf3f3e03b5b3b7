import type { TopologyHost } from "@evenkeel/contracts/topology";
import type { Tone } from "../kit/surface.tsx";

/** Null = as its instances. */
export const HOST_TONES: Readonly<Record<TopologyHost["state"], Tone | null>> = {
  joining: "busy",
  online: null,
  offline: "bad",
  "journal-lost": "warn",
  duplicate: "warn",
};

/** Some trouble beside what is well is a warning; trouble alone is worse. */
export function worstOf({ good, busy, warn, bad }: Readonly<Record<Tone, number>>): Tone {
  if (bad > 0) return good > 0 ? "warn" : "bad";
  if (warn > 0) return "warn";
  if (busy > 0) return "busy";
  return good > 0 ? "good" : "idle";
}
