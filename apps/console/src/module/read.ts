import { allItems } from "@evenkeel/client/page";
import type { Base, BaseCluster } from "@evenkeel/contracts/base-cluster";
import type { ModuleBundle } from "@evenkeel/contracts/module-bundle";
import { type UseQueryResult, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { client } from "../connection.ts";
import { useWorkspace } from "../live/workspace.tsx";

const PAGE = 200;
const MOST_BASES = 5000;
const MOST_MODULES = 2000;
/** News of a burst are one look. */
const GAP_MS = 1000;

const READ = ["hosting", "module readings", "base readings"];

/** What a page about modules needs of its workspace. */
export interface Hosting {
  readonly clusters: readonly BaseCluster[];
  readonly bases: readonly Base[];
}

/** Clusters and bases; read again when the stream of the workspace tells of a change or of instances that have moved. */
export function useHosting(workspace: string): UseQueryResult<Hosting> {
  useReadAgain(workspace);
  return useQuery({
    queryKey: ["hosting", workspace],
    queryFn: async () => {
      const query = { workspace, limit: PAGE };
      const [clusters, bases] = await Promise.all([
        allItems((input) => client.listBaseClusters(input as never), query),
        allItems((input) => client.listBases(input as never), query, MOST_BASES),
      ]);
      return { clusters: clusters as BaseCluster[], bases: bases as Base[] };
    },
  });
}

export function useModules(name?: string): UseQueryResult<readonly ModuleBundle[]> {
  return useQuery({
    queryKey: ["modules", name ?? ""],
    queryFn: () =>
      allItems(
        (input) => client.listModules(input as never),
        { limit: PAGE, ...(name === undefined ? {} : { name }) },
        MOST_MODULES,
      ) as Promise<ModuleBundle[]>,
  });
}

/** No page asks again and again: the stream says when there is something new. */
function useReadAgain(workspace: string): void {
  const { changes, standing, whole } = useWorkspace();
  const queries = useQueryClient();
  const seen = useRef<string | null>(null);
  const timer = useRef<ReturnType<typeof setTimeout> | null>(null);
  const moved = changes
    .filter(({ kind }) => kind.startsWith("module-") || kind === "release-order" || kind === "operation-order")
    .map(({ id, state, targets }) => `${id} ${state} ${JSON.stringify(targets)}`)
    .join("\n");
  const now = `${moved}\n${JSON.stringify(standing)}`;
  useEffect(() => {
    if (!whole || seen.current === now) return;
    const first = seen.current === null;
    seen.current = now;
    if (first || timer.current !== null) return;
    timer.current = setTimeout(() => {
      timer.current = null;
      for (const name of READ) void queries.invalidateQueries({ queryKey: [name, workspace] });
    }, GAP_MS);
  }, [queries, workspace, whole, now]);
  useEffect(() => () => clearTimeout(timer.current ?? undefined), []);
}
