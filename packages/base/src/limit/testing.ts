// Run as a process of its own: a base with a module that blocks the loop in one of several ways, and another that should not notice.
import { BaseBed } from "../testing.ts";

export const BLOCKING_PROGRAM = import.meta.filename;

/** What became of it. */
export interface Aftermath {
  /** Of its request; 0: it was never installed. */
  readonly answer: number;
  readonly neighbour: string;
  readonly problem: { readonly code: string; readonly facts: Record<string, unknown> } | null;
  readonly state: string | undefined;
  /** How often its code was entered, where it says so. */
  readonly entered: number;
  /** Requests and calls that the neighbour still has in hand. */
  readonly inFlight: number | undefined;
}

const SHAPES: Readonly<Record<string, string>> = {
  handler: "spin();",
  crowd: "console.log('entered'); spin();",
  listener: "request.on('end', () => { spin(); }); request.resume();",
  timer: "setTimeout(() => { spin(); }, 0);",
  immediate: "setImmediate(() => { spin(); });",
  tick: "process.nextTick(() => { spin(); });",
  "call in a timer": "setTimeout(() => { service('calm').wait(spin); }, 0);",
  "call in a promise": "Promise.resolve().then(() => { service('calm').wait(spin); });",
  swallowing: "for (;;) { try { spin(); } catch {} }",
  pattern: "/^(a+)+$/.test('a'.repeat(40) + 'b');",
  promise: "Promise.resolve().then(() => { spin(); });",
  allocating: "const kept = []; for (let i = 0; ; i++) kept.push({ i, text: 'x' + i });",
  buffers: "const kept = []; for (;;) kept.push(Buffer.alloc(1024 ** 2, 1));",
  filling: "for (;;) new Array(1000).fill({});",
  native: "require('crypto').pbkdf2Sync('a', 'b', 1e9, 64, 'sha512');",
};

/** Those that block before anybody asks them anything. */
const EARLY: Readonly<Record<string, string>> = {
  load: "spin();",
  activate: "exports.activate = () => { spin(); };",
};

const spinning = (shape: string): string => `function spin() { for (;;) { Math.sqrt(2); } }
${EARLY[shape] ?? `exports.activate = ({ service }) => ({ routes: (request, response) => { ${SHAPES[shape]} } });`}`;

async function main(shape: string, action: "eject" | "alarm", stuckSeconds: number): Promise<void> {
  const bed = await BaseBed.open({ watchdog: true, stuckSeconds });
  // Inline nothing could stop it before the heap of the base is full.
  const worker = shape === "allocating" || shape === "buffers";
  const isolation = worker ? ("worker" as const) : ("inline" as const);
  const limits = { blockMs: { most: 200, action }, ...(worker && { heapMb: { most: 30, action } }) };
  const route = (name: string) => ({ name, version: "1.0.0", provides: { routes: [{ path: `/${name}` }] } });
  const { provides, ...calm } = route("calm");
  await bed.install(
    { ...calm, drainSeconds: 0, provides: { ...provides, services: ["calm"] } },
    `exports.activate = () => ({ routes: (request, response) => response.end('calm'), services: { calm: { wait: (work) => work() } } });`,
  );
  const needs = { services: { calm: {} } };
  const about = { ...route("spinning"), ...{ isolation, limits, needs }, drainSeconds: 0 };
  const installed = await bed.install(about, spinning(shape)).then(
    () => true,
    () => false,
  );
  const ask = () => bed.get("/spinning").then(({ status }) => status);
  const [answer] = installed ? await Promise.all(Array.from({ length: shape === "crowd" ? 5 : 1 }, ask)) : [0];
  const named = (wanted: string) => bed.base.report().modules.find(({ name }) => name === wanted);
  const find = () => named("spinning");
  // A thread that was ended is soon another, which is well: what happened to it stands in the log alone.
  while (!worker && find()?.problem === null && find()?.health.healthy)
    await new Promise((resolve) => setTimeout(resolve, 20));
  const module = find();
  const problem = module?.problem ?? module?.health.problem ?? null;
  const inFlight = named("calm")?.inFlight;
  const { lines } = await bed.base.perform("log", { name: "spinning", version: "1.0.0", lines: 100 });
  const aftermath: Aftermath = {
    answer: answer ?? 0,
    entered: lines.filter(({ text }) => text === "entered").length,
    inFlight,
    neighbour: (await bed.get("/calm")).body,
    problem,
    state: module?.state,
  };
  console.log(JSON.stringify(aftermath));
  await bed[Symbol.asyncDispose]();
}

if (process.argv[1] === BLOCKING_PROGRAM)
  await main(process.argv[2] ?? "", (process.argv[3] ?? "eject") as "eject", Number(process.argv[4] ?? 60));
