import { resolve } from "node:path";
import { ensureApplication, RELEASE_ORDER, releaseOf } from "@evenkeel/client/deployment";
import { readManifest } from "@evenkeel/client/node/manifest";
import { shortId, stateMark, stateName } from "@evenkeel/client/text/change";
import { elapsed, type Line, line, span } from "@evenkeel/client/text/line";
import { planLines } from "@evenkeel/client/text/plan";
import { lastOutput } from "@evenkeel/client/text/problem";
import type { Change } from "@evenkeel/contracts/change";
import type { Digest } from "@evenkeel/contracts/id";
import type { Manifest } from "@evenkeel/contracts/service";
import { actionsOf } from "./change/actions.ts";
import { type CarryOptions, carryOut, withCarryOptions } from "./change/carry-out.ts";
import { type AddCommands, type Cli, commandLines } from "./context.ts";
import { Exit } from "./exit.ts";
import { uploadWithProgress, versionOf, withPacked } from "./packing.ts";
import { findService } from "./service.ts";
import { override, type StrategyOptions, withReleaseOptions } from "./strategy-options.ts";

interface DeployOptions extends StrategyOptions, CarryOptions {
  readonly packageVersion?: string;
}

export const addDeployCommands: AddCommands = (program, run) => {
  const deploy = program
    .command("deploy")
    .description("packs, uploads and releases the application of a folder, and shows it live")
    .argument("[folder]", "folder with evenkeel.yaml", ".")
    .option("--package-version <version>", "default: the manifest's, else git or the time");
  withCarryOptions(withReleaseOptions(deploy)).action(
    run(async (cli, folder: string, options: DeployOptions) => release(cli, resolve(cli.io.cwd, folder), options)),
  );
  const plan = program
    .command("plan")
    .description("dry run of deploy: hosts, batches, steps, and what differs from now; stores nothing")
    .argument("[folder]", "folder with evenkeel.yaml", ".")
    .option("--package-version <version>", "default: the manifest's, else git or the time");
  withReleaseOptions(plan).action(
    run(async (cli, folder: string, options: DeployOptions) => dryRun(cli, resolve(cli.io.cwd, folder), options)),
  );
};

async function manifestOf(cli: Cli, folder: string, options: DeployOptions): Promise<Manifest> {
  const manifest = override(await readManifest(folder), options);
  return cli.workspace === undefined ? manifest : { ...manifest, workspace: cli.workspace };
}

interface Planned {
  readonly manifest: Manifest;
  readonly version: string;
  readonly digest: Digest;
}

async function planRelease(cli: Cli, { manifest, version, digest }: Planned) {
  const client = await cli.client();
  return client.planChange({ body: { kind: RELEASE_ORDER, spec: releaseOf(manifest, { version, digest }) } });
}

async function dryRun(cli: Cli, folder: string, options: DeployOptions): Promise<void> {
  const manifest = await manifestOf(cli, folder, options);
  await withPacked(cli, folder, async (packed) => {
    const version = await versionOf(cli, {
      given: options.packageVersion ?? manifest.version,
      folder,
      packed,
      application: manifest.application,
    });
    const reply = await planRelease(cli, { manifest, version, digest: packed.digest });
    cli.answer(reply, planLines(reply.plan));
  });
}

async function release(cli: Cli, folder: string, options: DeployOptions): Promise<void> {
  const manifest = await manifestOf(cli, folder, options);
  const client = await cli.client();
  const planned = await withPacked(cli, folder, async (packed): Promise<Planned> => {
    const version = await versionOf(cli, {
      given: options.packageVersion ?? manifest.version,
      folder,
      packed,
      application: manifest.application,
    });
    if (await ensureApplication(client, manifest.application)) {
      cli.note(line(span("✔", "good"), ` made the application ${manifest.application}; it is yours`));
    }
    const pkg = await uploadWithProgress(cli, { application: manifest.application, version, file: packed.file });
    return { manifest, version, digest: pkg.digest };
  });
  const { version, digest } = planned;
  const spec = releaseOf(manifest, { version, digest });
  const question = "Release it all the same?";
  const ended = await carryOut(cli, { kind: RELEASE_ORDER, spec, question }, options);
  if (ended === null) return;
  cli.answer(
    ended,
    ended.state === "succeeded" ? await success(cli, manifest, ended) : await failure(cli, manifest, ended),
  );
  if (ended.state !== "succeeded") throw new Exit(1);
}

async function success(cli: Cli, manifest: Manifest, change: Change): Promise<Line[]> {
  const took = elapsed(change.startedAt, change.finishedAt, Date.now());
  const where = await addressesOf(cli, manifest);
  return [
    line(""),
    line(span("✔", "good"), " ", span(change.title, "bold"), ` succeeded in ${took}`),
    ...(where.length === 0 ? [] : [line(span(`  it answers at ${where.join(", ")}`, "dim"))]),
  ];
}

/** The routes as addresses, where the workspace has one gateway; else as they stand in the manifest. */
async function addressesOf(cli: Cli, { routes, workspace }: Manifest): Promise<string[]> {
  const { items } = await (await cli.client()).listGateways({ query: { workspace } }).catch(() => ({ items: [] }));
  const port = items.length === 1 && items[0]?.url ? `:${new URL(items[0].url).port}` : null;
  return routes.map(({ host, path }) => (port === null ? `${host}${path}` : `http://${host}${port}${path}`));
}

/** What to look at and what may be done: the tree or the news above have named the cause. */
async function failure(cli: Cli, manifest: Manifest, change: Change): Promise<Line[]> {
  return [
    line(""),
    line(stateMark(change.state), " ", span(change.title, "bold"), ": ", stateName(change.state)),
    ...(await applicationLogs(cli, manifest, change)),
    ...commandLines(cli, [...actionsOf(change), [`change show ${shortId(change.id)}`, "tells all of it"]]),
  ];
}

const LOG_LINES = 20;

/** The application's own output, where the failed step has not shown it yet. */
async function applicationLogs(cli: Cli, manifest: Manifest, change: Change): Promise<Line[]> {
  const targets = change.groups.flatMap((group) => group.batches.flatMap((batch) => batch.targets));
  const failed = targets.find(({ problem }) => problem !== null);
  if (failed === undefined || lastOutput(failed).length > 0) return [];
  try {
    const service = await findService(cli, manifest.service ?? manifest.application);
    const client = await cli.client();
    const lines: Line[] = [];
    for await (const { text } of client.readLogs(service.id, { host: failed.name, lines: LOG_LINES })) {
      lines.push(line(span("    │ ", "dim"), text));
    }
    return lines.length === 0 ? [] : [line(`  last output on ${failed.name}:`), ...lines];
  } catch {
    // The failure itself has been told; a host that is gone has no logs to add.
    return [];
  }
}
