// `npm run bench -- NAME [--json]` runs one benchmark, `npm run bench -- --list` lists them.
import { cpus } from "node:os";
import type { Benchmark } from "./benchmark.ts";

const BENCHMARKS: Readonly<Record<string, () => Promise<{ benchmark: Benchmark }>>> = {
  gateway: () => import("./gateway.ts"),
  kernel: () => import("./kernel.ts"),
  release: () => import("./release.ts"),
  start: () => import("./start.ts"),
};

async function list(): Promise<void> {
  for (const [name, load] of Object.entries(BENCHMARKS)) {
    const { benchmark } = await load();
    console.log(`${name.padEnd(10)} ${benchmark.title}`);
  }
}

async function run(name: string, json: boolean): Promise<void> {
  const load = Object.hasOwn(BENCHMARKS, name) ? BENCHMARKS[name] : undefined;
  if (load === undefined) {
    console.error(`There is no benchmark ${name}; these there are: ${Object.keys(BENCHMARKS).join(", ")}.`);
    process.exitCode = 1;
    return;
  }
  const { benchmark } = await load();
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
    const result = await benchmark.run({ say, defer: (work) => deferred.push(work) });
    if (json) console.log(JSON.stringify({ benchmark: name, machine, ...result }));
  } catch (error) {
    // What is torn down under a benchmark that was interrupted fails of course.
    if (closing === null) throw error;
  } finally {
    await close();
  }
}

const args = process.argv.slice(2);
const names = args.filter((arg) => !arg.startsWith("--"));
const unknown = args.filter((arg) => arg.startsWith("--") && arg !== "--json" && arg !== "--list");
if (unknown.length > 0 || (names.length !== 1 && !args.includes("--list"))) {
  console.error("Usage: npm run bench -- NAME [--json] | --list");
  process.exitCode = 1;
} else if (args.includes("--list")) await list();
else await run(names[0] as string, args.includes("--json"));
