import type { VersionSample } from "@evenkeel/contracts/gateway-protocol";
import type { ServiceId } from "@evenkeel/contracts/id";
import { useState } from "react";
import { client } from "../connection.ts";
import { useWhileVisible } from "./visible.ts";

const KEPT_MS = 180_000;

/** The traffic of a service by version, of the last minutes. Who asks is keyed by the service. */
export function useSamples(serviceId: ServiceId): readonly VersionSample[] {
  const [samples, setSamples] = useState<readonly VersionSample[]>([]);
  useWhileVisible(async (signal) => {
    for await (const news of client.watchSamples(serviceId, { signal })) {
      setSamples((known) => {
        const newest = Date.parse(news.at(-1)?.at ?? "") || Date.now();
        const fresh = news.filter(({ at, version }) => !known.some((one) => one.at === at && one.version === version));
        return [...known, ...fresh].filter(({ at }) => newest - Date.parse(at) < KEPT_MS);
      });
    }
  }, serviceId);
  return samples;
}
