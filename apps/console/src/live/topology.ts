import { mergeTopology, type Topology } from "@evenkeel/client/topology";
import { useState } from "react";
import { client } from "../connection.ts";
import { useWhileVisible } from "./visible.ts";

/** A workspace as nodes and traffic. */
interface LiveTopology {
  /** Null until the first picture has come. */
  readonly topology: Topology | null;
  readonly error: unknown;
}

/** A workspace as it is drawn, live. Who asks is keyed by the workspace. */
export function useTopology(workspace: string): LiveTopology {
  const [live, setLive] = useState<LiveTopology>({ topology: null, error: null });
  useWhileVisible(async (signal) => {
    try {
      for await (const event of client.watchTopology(workspace, { signal })) {
        setLive(({ topology }) => ({ topology: mergeTopology(topology, event), error: null }));
      }
    } catch (error) {
      if (!signal.aborted) setLive((now) => ({ ...now, error }));
    }
  }, workspace);
  return live;
}
