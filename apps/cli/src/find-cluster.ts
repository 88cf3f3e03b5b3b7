import { allItems } from "@evenkeel/client/page";
import type { BaseCluster } from "@evenkeel/contracts/base-cluster";
import { PlatformError } from "@evenkeel/contracts/error";
import type { Cli } from "./context.ts";

export async function listClusters(cli: Cli): Promise<BaseCluster[]> {
  const { workspace } = cli;
  return await allItems((await cli.client()).listBaseClusters, workspace === undefined ? {} : { workspace });
}

export async function findCluster(cli: Cli, name: string): Promise<BaseCluster> {
  const found = (await listClusters(cli)).find((cluster) => cluster.name === name);
  if (found === undefined) throw new PlatformError("NOT_FOUND", { resource: `base-cluster ${name}` });
  return found;
}
