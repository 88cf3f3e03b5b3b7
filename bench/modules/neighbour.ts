// Run as a process of its own: prints what one bad module does to its neighbour. Nobody listens to SIGINT here, by which a spinner is interrupted.
import { BaseBed } from "@evenkeel/base/testing";
import type { ModuleManifest } from "@evenkeel/contracts/module";
import { type Load, startLoad } from "@evenkeel/load/load";
import type { z } from "zod";

export const NEIGHBOUR_PROGRAM = import.meta.filename;
const RATE = 100;
const REST_MS = 1000;

type Limits = z.input<typeof ModuleManifest>["limits"];

/** A module that harms others, and what it is held to. */
export interface Bad {
  readonly name: string;
  readonly isolation: "inline" | "worker";
  readonly limits: Limits;
  readonly text: string;
  /** It does so when it is asked. */
  readonly asked?: boolean;
}

const BLOCK_MS = 100;
const eject = (most: number) => ({ most, action: "eject" as const });
const ANSWERS = "exports.activate = () => ({ routes: (request, response) => response.end('bad') });";
const LEAKS = `const kept = []; setInterval(() => { for (let i = 0; i < 4000; i++) kept.push({ i, text: "x" + i }); }, 10); ${ANSWERS}`;
const SPINS = "exports.activate = () => ({ routes: () => { for (;;) Math.sqrt(2); } });";
const THROWS = "exports.activate = () => ({ routes: () => { throw new Error('no stock'); } });";

/** A spinner in the base's own isolate holds the neighbour for as long as `blockMs` says, and a little longer until it is named and interrupted. */
export const BADS: readonly Bad[] = [
  { name: "leaks", isolation: "inline", limits: { heapMb: eject(20) }, text: LEAKS },
  { name: "leaks", isolation: "worker", limits: { heapMb: eject(20) }, text: LEAKS },
  { name: "throws", isolation: "inline", limits: { errorPercent: eject(50) }, text: THROWS, asked: true },
  { name: "throws", isolation: "worker", limits: { errorPercent: eject(50) }, text: THROWS, asked: true },
  { name: "spins", isolation: "inline", limits: { blockMs: eject(BLOCK_MS) }, text: SPINS, asked: true },
  { name: "spins", isolation: "worker", limits: { cpuPercent: eject(50) }, text: SPINS, asked: true },
];

export interface Episode {
  readonly quietP99Ms: number;
  readonly besideP99Ms: number;
  /** From its installation until it was ejected. */
  readonly ejectedMs: number;
  readonly namedBy: string;
  readonly failed: number;
}

/** A quiet stretch first, then as long a one in which the bad module comes, does harm and is ejected. */
async function measure({ name, isolation, limits, text, asked = false }: Bad, seconds: number): Promise<Episode> {
  await using bed = await BaseBed.open({ watchdog: true });
  const provides = (path: string) => ({ routes: [{ path }] });
  const calm = `exports.activate = () => ({ routes: (request, response) => {
    if (request.method === "POST") return request.pipe(response);
    setTimeout(() => response.end("calm"), 2); } });`;
  await bed.install({ name: "calm", version: "1.0.0", provides: provides("/calm") }, calm);
  const load = startLoad({ url: `http://127.0.0.1:${bed.port}/calm`, rate: RATE });
  await rest(REST_MS);
  load.mark("quiet");
  await rest(seconds * 1000);
  load.mark("beside");
  const beganAt = performance.now();
  const about = { name, version: "1.0.0", isolation, limits, drainSeconds: 0, provides: provides(`/${name}`) };
  await bed.install(about, text);
  const isBad = (): boolean => bed.base.report().modules.some((one) => one.name === name && one.state === "active");
  while (isBad()) {
    if (asked) void bed.get(`/${name}`).catch(() => undefined);
    await rest(20);
  }
  const ejectedMs = performance.now() - beganAt;
  const namedBy = bed.base.report().modules.find((one) => one.name === name)?.problem?.code ?? "nobody";
  await rest(Math.max(0, seconds * 1000 - ejectedMs));
  return { ...(await told(load)), ejectedMs, namedBy };
}

async function told(load: Load) {
  const { windows, failed } = await load.stop();
  const p99Of = (name: string): number => windows.find((window) => window.name === name)?.p99Ms ?? Number.NaN;
  return { quietP99Ms: p99Of("quiet"), besideP99Ms: p99Of("beside"), failed };
}

const rest = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const bad = process.argv[1] === NEIGHBOUR_PROGRAM ? BADS[Number(process.argv[2])] : undefined;
if (bad !== undefined) console.log(JSON.stringify(await measure(bad, Number(process.argv[3]))));
