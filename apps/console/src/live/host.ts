import type { HostEvent, HostSample } from "@evenkeel/contracts/host";
import type { HostId } from "@evenkeel/contracts/id";
import { useState } from "react";
import { client } from "../connection.ts";
import { useWhileVisible } from "./visible.ts";

type Standing = Extract<HostEvent, { kind: "standing" }>;

/** A host as its stream tells of it. */
export interface LiveHost {
  readonly standing: Standing | null;
  readonly samples: readonly HostSample[];
  readonly error: unknown;
}

const KEPT_MS = 3_600_000;

/** How a host stands and what it has used within the hour, live. Who asks is keyed by the host. */
export function useHost(hostId: HostId): LiveHost {
  const [live, setLive] = useState<LiveHost>({ standing: null, samples: [], error: null });
  useWhileVisible(async (signal) => {
    try {
      for await (const event of client.watchHost(hostId, { signal })) setLive((now) => tellHost(now, event));
    } catch (error) {
      if (!signal.aborted) setLive((now) => ({ ...now, error }));
    }
  }, hostId);
  return live;
}

function tellHost(now: LiveHost, event: HostEvent): LiveHost {
  if (event.kind === "standing") return { ...now, standing: event };
  // After a reconnect without a last event the same may come again.
  const last = now.samples.at(-1)?.at ?? "";
  const fresh = event.items.filter(({ at }) => at > last);
  const newest = Date.parse(fresh.at(-1)?.at ?? last);
  const samples = [...now.samples, ...fresh].filter(({ at }) => newest - Date.parse(at) < KEPT_MS);
  return { ...now, samples };
}
