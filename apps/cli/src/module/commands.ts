import { mkdir, writeFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { readModuleFile } from "@evenkeel/client/node/module-file";
import { bytes, line, span } from "@evenkeel/client/text/line";
import { PlatformError } from "@evenkeel/contracts/error";
import type { AddCommands } from "../context.ts";
import { numberOf } from "../number-option.ts";
import { buildModule, outputPath, readBaseDescription } from "./build.ts";
import { type DevOptions, runDev } from "./dev.ts";
import { addReleasingCommands } from "./releasing.ts";
import { addModuleStatistics } from "./statistics.ts";

interface BuildCommandOptions {
  readonly out?: string;
  readonly base?: string;
  readonly node: string;
  /** False with --no-cache. */
  readonly cache: boolean;
}

export const addModuleCommands: AddCommands = (program, run) => {
  const module = program.command("module").description("hot modules of a base");
  module
    .command("build")
    .argument("[folder]", "folder with a module.yaml", ".")
    .description("bundles a module into one file, with the byte cache of its code")
    .option("-o, --out <file>", "default: dist/NAME-VERSION.jar in the folder")
    .option("--base <file>", "what the base says of itself (its `description`): libraries are compared with it")
    .option("--node <path>", "the Node that the base runs", process.execPath)
    .option("--no-cache", "without the byte cache")
    .action(
      run(async (cli, given: string, options: BuildCommandOptions) => {
        const folder = resolve(cli.io.cwd, given);
        const manifest = await readModuleFile(folder);
        const base = options.base === undefined ? null : await readBaseDescription(resolve(cli.io.cwd, options.base));
        const built = await buildModule({ folder, manifest, base, node: options.cache ? options.node : null });
        const file = options.out === undefined ? outputPath(folder, manifest) : resolve(cli.io.cwd, options.out);
        await write(file, built.bytes);
        const { digest, codeBytes, cacheBytes, notes } = built;
        const { name, version } = manifest;
        cli.answer({ name, version, file, digest, codeBytes, cacheBytes, notes }, [
          line(span("✔", "good"), ` ${name}@${version} `, span(file, "bold")),
          line(span(`  code ${bytes(codeBytes)}, byte cache ${bytes(cacheBytes)}, ${digest.slice(0, 19)}…`, "dim")),
          ...notes.map((note) => line(span(`  ${note}`, "warn"))),
        ]);
      }),
    );
  module
    .command("dev")
    .argument("[folder]", "folder with a module.yaml", ".")
    .description("builds at every save and replaces the module in a local base")
    .option("--socket <path>", "a base that runs already; default: a base of its own")
    .option("--port <number>", "port of its own base", numberOf, 0)
    .action(run((cli, given: string, options: DevOptions) => runDev(cli, resolve(cli.io.cwd, given), options)));
  addReleasingCommands(module, run);
  addModuleStatistics(module, run);
};

async function write(file: string, content: Uint8Array): Promise<void> {
  try {
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, content);
  } catch (error) {
    throw new PlatformError("FILE_UNUSABLE", {
      path: file,
      reason: error instanceof Error ? error.message : String(error),
    });
  }
}
