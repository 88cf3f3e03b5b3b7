import { resolve } from "node:path";
import { releaseOf } from "@evenkeel/client/deployment";
import { readManifest } from "@evenkeel/client/node/manifest";
import { planLines } from "@evenkeel/client/text/plan";
import { PlatformError } from "@evenkeel/contracts/error";
import type { ReleaseOrderSpec } from "@evenkeel/contracts/release-order";
import type { Manifest } from "@evenkeel/contracts/service";
import { type CarryOptions, withCarryOptions } from "./change/carry-out.ts";
import type { AddCommands, Cli } from "./context.ts";
import { readOrder } from "./order.ts";
import { type Bring, bringFolder, onlyPack, uploadPacked } from "./packing.ts";
import { planOrder, release } from "./release.ts";
import { override, type StrategyOptions, withReleaseOptions } from "./strategy-options.ts";

interface DeployOptions extends StrategyOptions, CarryOptions {
  readonly packageVersion?: string;
  readonly file?: string;
}

export const addDeployCommands: AddCommands = (program, run) => {
  const deploy = program
    .command("deploy")
    .description("packs, uploads and releases the application of a folder, and shows it live")
    .argument("[folder]", "folder with evenkeel.yaml", ".")
    .option("-f, --file <file>", "an order over several services in the place of a folder")
    .option("--package-version <version>", "default: the manifest's, else git or the time");
  withCarryOptions(withReleaseOptions(deploy)).action(
    run(async (cli, folder: string, options: DeployOptions) =>
      release(cli, await specOf(cli, { folder, options, bring: uploadPacked }), options),
    ),
  );
  const plan = program
    .command("plan")
    .description("dry run of deploy: hosts, batches, steps, and what differs from now; stores nothing")
    .argument("[folder]", "folder with evenkeel.yaml", ".")
    .option("-f, --file <file>", "an order over several services in the place of a folder")
    .option("--package-version <version>", "default: the manifest's, else git or the time");
  withReleaseOptions(plan).action(
    run(async (cli, folder: string, options: DeployOptions) => {
      const reply = await planOrder(cli, await specOf(cli, { folder, options, bring: onlyPack }));
      cli.answer(reply, planLines(reply.plan));
    }),
  );
};

interface Wanted {
  readonly folder: string;
  readonly options: DeployOptions;
  readonly bring: Bring;
}

/** What is to be released, with its packages where `bring` has brought them. */
async function specOf(cli: Cli, { folder, options, bring }: Wanted): Promise<ReleaseOrderSpec> {
  if (options.file === undefined)
    return await specOfFolder(cli, { folder: resolve(cli.io.cwd, folder), options, bring });
  if (options.packageVersion !== undefined || options.hosts !== undefined) {
    const problem = "--package-version and --hosts are about one service; write `version` and `hosts` into the file";
    throw new PlatformError("INPUT_INVALID", { problem });
  }
  return await readOrder(cli, { file: options.file, options, bring });
}

async function specOfFolder(cli: Cli, { folder, options, bring }: Wanted): Promise<ReleaseOrderSpec> {
  const manifest = await manifestOf(cli, folder, options);
  const version = options.packageVersion ?? manifest.version;
  // What would be refused is refused before an application is made or a version's name is spent on these bits.
  const tried: Bring = async (...[, what]) => {
    if (bring !== onlyPack)
      await planOrder(cli, releaseOf(manifest, { version: what.version, digest: what.packed.digest }));
    return await bring(cli, what);
  };
  return releaseOf(
    manifest,
    await bringFolder(cli, { folder, application: manifest.application, version, bring: tried }),
  );
}

async function manifestOf(cli: Cli, folder: string, options: DeployOptions): Promise<Manifest> {
  const manifest = override(await readManifest(folder), options);
  return cli.workspace === undefined ? manifest : { ...manifest, workspace: cli.workspace };
}
