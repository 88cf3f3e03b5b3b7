import type { Change } from "@evenkeel/contracts/change";
import type { VersionSample } from "@evenkeel/contracts/gateway-protocol";
import type { ServiceId } from "@evenkeel/contracts/id";
import type { Cli } from "../context.ts";

const KEPT_MS = 60_000;
/** More than these would hide the change. */
const MOST_SERVICES = 2;

/** The traffic of the services of a change, as it is told while somebody watches. */
export interface Traffic {
  /** From the first look on. */
  watch(change: Pick<Change, "services">): void;
  /** The last minute by version, oldest first. */
  samples(): readonly VersionSample[];
}

/** Follows it until the signal. Whoever may not read services watches without it. */
export function followTraffic(cli: Cli, signal: AbortSignal): Traffic {
  const watched = new Set<ServiceId>();
  const known = new Map<ServiceId, readonly VersionSample[]>();
  const follow = async (serviceId: ServiceId): Promise<void> => {
    for await (const news of (await cli.client()).watchSamples(serviceId, { signal })) {
      const all = [...(known.get(serviceId) ?? []), ...news];
      const newest = Date.parse(all.at(-1)?.at ?? "");
      known.set(
        serviceId,
        all.filter(({ at }) => newest - Date.parse(at) < KEPT_MS),
      );
    }
  };
  return {
    watch: ({ services }) => {
      for (const serviceId of services.slice(0, MOST_SERVICES)) {
        if (watched.has(serviceId)) continue;
        watched.add(serviceId);
        // The picture is whole without it.
        void follow(serviceId).catch(() => undefined);
      }
    },
    samples: () => [...known.values()].flat(),
  };
}
