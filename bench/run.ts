// `npm run bench -- NAME [--json] [--OPTION NUMBER]` runs one benchmark, `npm run bench -- --list` lists them.
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import type { Benchmark } from "./benchmark.ts";

const BENCHMARKS: Readonly<Record<string, () => Promise<{ benchmark: Benchmark }>>> = {
  agents: () => import("./agents.ts"),
  console: () => import("./console.ts"),
  gateway: () => import("./gateway.ts"),
  "gateway-directives": () => import("./gateway-directives.ts"),
  kernel: () => import("./kernel.ts"),
  "kill-anything": () => import("./kill-anything.ts"),
  lossless: () => import("./lossless.ts"),
  modules: () => import("./modules.ts"),
  "module-fleet": () => import("./module-fleet.ts"),
  "module-neighbours": () => import("./module-neighbours.ts"),
  release: () => import("./release.ts"),
  "release-peers": () => import("./release-peers.ts"),
  start: () => import("./start.ts"),
};

const USAGE = "Usage: npm run bench -- NAME [--json] [--OPTION NUMBER] | --list";

async function list(): Promise<void> {
  for (const [name, load] of Object.entries(BENCHMARKS)) {
    const { benchmark } = await load();
    console.log(`${name.padEnd(18)} ${benchmark.title}`);
  }
}

interface Asked {
  readonly json: boolean;
  readonly option: (name: string) => number;
}

/** What stands behind the name; throws what a person should read. */
function readOptions(args: readonly string[], { options = {} }: Benchmark): Asked {
  const numbers = Object.fromEntries(Object.keys(options).map((name) => [name, { type: "string" as const }]));
  const parsed = parseArgs({ args: [...args], options: { json: { type: "boolean" }, ...numbers } });
  const values: Readonly<Record<string, string | boolean | undefined>> = parsed.values;
  for (const name of Object.keys(options)) {
    if (values[name] !== undefined && !/^[1-9]\d*$/.test(String(values[name])))
      throw new Error(`--${name} takes a number`);
  }
  return { json: values.json === true, option: (name) => Number(values[name] ?? options[name]) };
}

async function run(benchmark: Benchmark, { name, json, option }: Asked & { readonly name: string }): Promise<void> {
  // With --json the last line of standard output is for programs; what is said before goes to people beside it.
  const say = json ? console.error : console.log;
  say(`${name}: ${benchmark.title}`);
  const machine = { cpus: cpus().length, cpu: cpus()[0]?.model.trim() ?? "", node: process.version };
  say(`${machine.cpus} × ${machine.cpu}, Node ${machine.node}\n`);
  const deferred: (() => Promise<unknown>)[] = [];
  const closeAll = async (): Promise<void> => {
    for (let next = deferred.pop(); next !== undefined; next = deferred.pop()) await next();
  };
  let closing: Promise<void> | null = null;
  const close = (): Promise<void> => {
    closing ??= closeAll();
    return closing;
  };
  for (const signal of ["SIGINT", "SIGTERM"] as const)
    process.once(signal, () => void close().then(() => process.exit(1)));
  try {
    const result = await benchmark.run({ say, option, defer: (work) => deferred.push(work) });
    if (json) console.log(JSON.stringify({ benchmark: name, machine, ...result }));
  } catch (error) {
    // What is torn down under a benchmark that was interrupted fails of course.
    if (closing === null) throw error;
  } finally {
    await close();
  }
}

async function main([name = "", ...rest]: readonly string[]): Promise<void> {
  if (name === "--list") return await list();
  if (name === "--help" || name === "-h") return console.log(`${USAGE}\n\n${Object.keys(BENCHMARKS).join("\n")}`);
  const load = Object.hasOwn(BENCHMARKS, name) ? BENCHMARKS[name] : undefined;
  if (load === undefined) {
    console.error(USAGE);
    console.error(`There is no benchmark ${name}; these there are: ${Object.keys(BENCHMARKS).join(", ")}.`);
    process.exitCode = 1;
    return;
  }
  const { benchmark } = await load();
  let asked: Asked;
  try {
    asked = readOptions(rest, benchmark);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
    return;
  }
  await run(benchmark, { ...asked, name });
}

await main(process.argv.slice(2));
