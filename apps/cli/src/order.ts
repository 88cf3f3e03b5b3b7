import { dirname, resolve } from "node:path";
import { releaseOf } from "@evenkeel/client/deployment";
import { readManifest } from "@evenkeel/client/node/manifest";
import { readOrderFile } from "@evenkeel/client/node/order-file";
import { PlatformError } from "@evenkeel/contracts/error";
import type { OrderedRelease, Release, ReleaseOrderSpec } from "@evenkeel/contracts/release-order";
import { Strategy } from "@evenkeel/contracts/strategy";
import type { Cli } from "./context.ts";
import { type Bring, bringFolder } from "./packing.ts";
import { overrideBlueGreen, overrideStrategy, type StrategyOptions } from "./strategy-options.ts";

interface ReadingOrder {
  readonly file: string;
  /** Said for every release of the order. */
  readonly options: StrategyOptions;
  readonly bring: Bring;
}

/** The order that a file asks for; folders in it are packed as `bring` says. */
export async function readOrder(cli: Cli, { file, options, bring }: ReadingOrder): Promise<ReleaseOrderSpec> {
  const path = resolve(cli.io.cwd, file);
  const order = await readOrderFile(path, file);
  const releases: Release[] = [];
  for (const wanted of order.releases) {
    const release = await releaseFrom(cli, {
      wanted,
      folder: dirname(path),
      bring,
      isSwitched: order.blueGreen !== undefined,
    });
    const strategy = wanted.strategy ?? order.strategy ?? release.strategy;
    releases.push({ ...release, strategy: overrideStrategy(strategy, options) });
  }
  const blueGreen = overrideBlueGreen(order.blueGreen, options);
  return { workspace: cli.workspace ?? order.workspace, releases, ...blueGreen };
}

interface ReleaseFrom {
  readonly wanted: OrderedRelease;
  readonly folder: string;
  readonly bring: Bring;
  /** The order says itself how users change cells. */
  readonly isSwitched: boolean;
}

async function releaseFrom(cli: Cli, { wanted, folder: beside, bring, isSwitched }: ReleaseFrom): Promise<Release> {
  const { folder, application = "", service, version, after, hosts, parallel, gray } = wanted;
  const said = {
    ...(service === undefined ? {} : { service }),
    ...(hosts === undefined ? {} : { hosts }),
    ...(parallel === undefined ? {} : { parallel }),
    ...(gray === undefined ? {} : { gray }),
    after,
  };
  if (folder === undefined) {
    return { application, package: { version: version ?? "" }, strategy: Strategy.parse({}), ...said };
  }
  const path = resolve(beside, folder);
  const manifest = await readManifest(path);
  const pkg = await bringFolder(cli, {
    folder: path,
    application: manifest.application,
    version: version ?? manifest.version,
    bring,
  });
  const { workspace: _, blueGreen, ...release } = releaseOf(manifest, pkg);
  if (blueGreen !== undefined && !isSwitched) {
    const problem = `${folder}: users are switched once for all of an order; move \`blueGreen\` from the manifest into its file`;
    throw new PlatformError("INPUT_INVALID", { problem });
  }
  return { ...release, ...said };
}
