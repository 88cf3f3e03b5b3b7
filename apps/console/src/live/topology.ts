import { mergeTopology, type Topology } from "@evenkeel/client/topology";
import { useState } from "react";
import { client } from "../connection.ts";
import { useWhileVisible } from "./visible.ts";

/** A workspace as nodes and traffic, live; null until the first picture has come. Who asks is keyed by the workspace. */
export function useTopology(workspace: string): Topology | null {
  const [topology, setTopology] = useState<Topology | null>(null);
  useWhileVisible(async (signal) => {
    for await (const event of client.watchTopology(workspace, { signal })) {
      setTopology((now) => mergeTopology(now, event));
    }
  }, workspace);
  return topology;
}
