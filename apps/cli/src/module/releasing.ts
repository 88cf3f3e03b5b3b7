import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { readSplitFile } from "@evenkeel/client/node/split-file";
import { allItems } from "@evenkeel/client/page";
import { bytes, line, span } from "@evenkeel/client/text/line";
import { PlatformError } from "@evenkeel/contracts/error";
import { Digest } from "@evenkeel/contracts/id";
import type { ModuleBundle } from "@evenkeel/contracts/module-bundle";
import { MODULE_OPERATION } from "@evenkeel/contracts/module-operation";
import { MODULE_RELEASE } from "@evenkeel/contracts/module-release";
import type { Command } from "commander";
import { answerEnd, type CarryOptions, carryOut, withCarryOptions } from "../change/carry-out.ts";
import type { Cli, Run } from "../context.ts";
import { numberOf } from "../number-option.ts";
import { type StrategyOptions, strategyOf, withFailureOptions, withStrategyOptions } from "../strategy-options.ts";
import { table } from "../table.ts";
import { proofLines } from "./proof.ts";

interface Where extends StrategyOptions, CarryOptions {
  readonly cluster: string;
  readonly bases?: string;
}

interface ReleaseOptions extends Where {
  readonly keep?: boolean;
  readonly publish?: boolean;
  readonly tag?: string[];
  readonly business?: string[];
}

interface OperationOptions extends Where {
  readonly moduleVersion?: string;
  readonly tag?: string[];
}

const DOES = {
  publish: "makes a module answer: its routes, services, events and jobs",
  unpublish: "makes it answer no more; requests in flight end on it",
  activate: "brings an inactive module to life, unpublished",
  deactivate: "withdraws and drains it; it stays installed",
  uninstall: "withdraws, drains and removes it",
} as const;

/** What is done with modules on the bases of a platform. */
export function addReleasingCommands(module: Command, run: Run): void {
  module
    .command("list")
    .argument("[module]", "its name")
    .description("uploaded modules, and what they provide")
    .action(
      run(async (cli, name: string | undefined) => {
        const found = await allItems((await cli.client()).listModules, name === undefined ? {} : { name }, 500);
        cli.answer(found, table(found, COLUMNS, name === undefined ? NO_MODULE : `No version of ${name} is uploaded.`));
      }),
    );
  module
    .command("upload")
    .argument("<file>", "what `module build` made")
    .description("uploads a module without releasing it")
    .action(
      run(async (cli, file: string) => {
        const made = await upload(cli, file);
        cli.answer(made, [line(span("✔", "good"), ` ${made.name}@${made.version}, ${bytes(made.sizeBytes)}`)]);
      }),
    );
  addRelease(module, run);
  for (const operation of Object.keys(DOES) as (keyof typeof DOES)[]) addOperation(module, operation, run);
  addScaleAndSplit(module, run);
}

function addRelease(module: Command, run: Run): void {
  const release = module
    .command("release")
    .argument("<modules...>", "bundles to upload, or name@version of what is uploaded; several are one group")
    .description("brings modules onto the bases of a cluster, in batches")
    .requiredOption("--cluster <name>", "the base-cluster")
    .option("--bases <which>", "all, a number (the least loaded), or names (shop@local-1,shop@local-2)")
    .option("--keep", "other versions stay and serve beside them")
    .option("--publish", "publish them; what replaces a published version is published anyway")
    .option("--tag <name=value...>", "tags of the publication")
    .option("--business <name...>", "businesses of the cluster in which they take part from now on");
  withCarryOptions(withFailureOptions(release)).action(
    run(async (cli, wanted: string[], options: ReleaseOptions) => {
      const modules = [];
      for (const one of wanted) modules.push(await moduleOf(cli, one));
      const isPublished = options.publish === true || options.tag !== undefined;
      const spec = {
        ...placeOf(cli, options),
        ...{ modules, keep: options.keep ?? false, publish: isPublished ? { tags: tagsOf(options.tag) } : null },
        businesses: options.business ?? [],
        ...(options.bases !== undefined && { bases: basesOf(options.bases) }),
      };
      const ended = await carryOut(cli, { kind: MODULE_RELEASE, spec, question: "Release all the same?" }, options);
      if (ended !== null) answerEnd(cli, ended);
    }),
  );
}

function addOperation(module: Command, operation: keyof typeof DOES, run: Run): void {
  const command = module
    .command(operation)
    .argument("<module>", "its name")
    .description(DOES[operation])
    .requiredOption("--cluster <name>", "the base-cluster")
    .option("--module-version <version>", "where several stand there")
    .option("--bases <which>", "all, a number, or names", "all");
  if (operation === "publish") command.option("--tag <name=value...>", "tags of the publication");
  withCarryOptions(withStrategyOptions(command)).action(
    run(async (cli, name: string, options: OperationOptions) => {
      const { moduleVersion: version, bases = "all", tag } = options;
      const spec = {
        ...{ operation, ...placeOf(cli, options), module: name, bases: basesOf(bases) },
        ...(version !== undefined && { version }),
        ...(tag !== undefined && { tags: tagsOf(tag) }),
      };
      await operate(cli, spec, options);
    }),
  );
}

function addScaleAndSplit(module: Command, run: Run): void {
  const scale = module
    .command("scale")
    .argument("<module>", "its name")
    .requiredOption("--count <bases>", "how many bases hold it", numberOf)
    .description("takes the least loaded bases, then warm ones of a buffer; gives back what was lent")
    .requiredOption("--cluster <name>", "the base-cluster")
    .option("--buffer <name>", "the buffer to take from; default: the only one of the workspace");
  withCarryOptions(withStrategyOptions(scale)).action(
    run(async (cli, name: string, options: Where & { count: number; buffer?: string }) => {
      const buffer = options.buffer === undefined ? {} : { buffer: options.buffer };
      const bases = options.count;
      await operate(cli, { operation: "scale", ...placeOf(cli, options), module: name, bases, ...buffer }, options);
    }),
  );
  const split = module
    .command("split")
    .argument("<file>", "YAML or JSON with `rules`, `businesses` or both")
    .description("replaces the rules by which the bases of a cluster split requests and calls among versions")
    .requiredOption("--cluster <name>", "the base-cluster");
  withCarryOptions(withStrategyOptions(split)).action(
    run(async (cli, file: string, options: Where) => {
      const given = await readSplitFile(resolve(cli.io.cwd, file), file);
      await operate(cli, { ...given, operation: "split", ...placeOf(cli, options) }, options);
    }),
  );
}

async function operate(cli: Cli, spec: Readonly<Record<string, unknown>>, options: CarryOptions): Promise<void> {
  const question = `${String(spec.operation)} all the same?`;
  const ended = await carryOut(cli, { kind: MODULE_OPERATION, spec, question }, options);
  if (ended !== null) answerEnd(cli, ended, proofLines(ended));
}

function placeOf(cli: Cli, options: Where) {
  const strategy = strategyOf(options);
  return { workspace: cli.workspace ?? "local", cluster: options.cluster, ...(strategy !== null && { strategy }) };
}

const basesOf = (text: string): string | number | string[] =>
  text === "all" ? "all" : /^\d+$/.test(text) ? Number(text) : text.split(",");

function tagsOf(pairs: readonly string[] = []): Record<string, string> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const [, name = "", value = ""] = /^([^=]+)=(.*)$/s.exec(pair) ?? [];
      if (name === "") throw new PlatformError("INPUT_INVALID", { problem: `--tag ${pair}: must be name=value` });
      return [name, value];
    }),
  );
}

async function moduleOf(cli: Cli, one: string): Promise<{ name: string; version: string }> {
  const [, named, version] = /^([a-z][a-z0-9-]*)@(\d.*)$/.exec(one) ?? [];
  if (named !== undefined && version !== undefined) return { name: named, version };
  const made = await upload(cli, one);
  return { name: made.name, version: made.version };
}

async function upload(cli: Cli, file: string): Promise<ModuleBundle> {
  const content = await read(cli, file);
  const digest = Digest.parse(`sha256:${createHash("sha256").update(content).digest("hex")}`);
  return await (await cli.client()).uploadModule({ query: { digest }, body: new Uint8Array(content) });
}

async function read(cli: Cli, file: string): Promise<Buffer> {
  const path = resolve(cli.io.cwd, file);
  return await readFile(path).catch((error: NodeJS.ErrnoException) => {
    const reason = error.code === "ENOENT" ? "no such file" : error.message;
    throw new PlatformError("FILE_UNUSABLE", { path, reason });
  });
}

const NO_MODULE = "No module yet: `evenkeel module build`, then `evenkeel module upload`.";

const COLUMNS = [
  { title: "MODULE", value: ({ name }: ModuleBundle) => span(name, "bold") },
  { title: "VERSION", value: ({ version }: ModuleBundle) => version },
  { title: "FORM", value: ({ manifest }: ModuleBundle) => manifest.form },
  { title: "ISOLATION", value: ({ manifest }: ModuleBundle) => manifest.isolation },
  { title: "SIZE", value: ({ sizeBytes }: ModuleBundle) => bytes(sizeBytes) },
  { title: "PROVIDES", value: ({ manifest }: ModuleBundle) => providedBy(manifest) },
  { title: "UPLOADED", value: ({ uploadedAt }: ModuleBundle) => uploadedAt },
];

const providedBy = ({ provides }: ModuleBundle["manifest"]): string =>
  [
    ...provides.routes.map(({ path }) => path),
    ...provides.services,
    ...(provides.snippet ? [provides.snippet] : []),
  ].join(", ");
