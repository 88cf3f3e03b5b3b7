import { BaseBed } from "@evenkeel/base/testing";
import type { ModuleManifest } from "@evenkeel/contracts/module";
import { type Load, startLoad } from "@evenkeel/load/load";
import type { z } from "zod";
import { type Benchmark, median, table } from "./benchmark.ts";

const RATE = 100;
const REST_MS = 1000;

type Limits = z.input<typeof ModuleManifest>["limits"];

/** A module that harms others, and what it is held to. */
interface Bad {
  readonly name: string;
  readonly isolation: "inline" | "worker";
  readonly limits: Limits;
  readonly text: string;
  /** It does so when it is asked. */
  readonly asked?: boolean;
}

const eject = (most: number) => ({ most, action: "eject" as const });
const ANSWERS = "exports.activate = () => ({ routes: (request, response) => response.end('bad') });";
const LEAKS = `const kept = []; setInterval(() => { for (let i = 0; i < 4000; i++) kept.push({ i, text: "x" + i }); }, 10); ${ANSWERS}`;
const SPINS = "exports.activate = () => ({ routes: () => { for (;;) Math.sqrt(2); } });";
const THROWS = "exports.activate = () => ({ routes: () => { throw new Error('no stock'); } });";

// Not here: one that spins in the base's own isolate. It holds the neighbour for as long as `blockMs` says, and it is interrupted only in a process in which
// nobody listens to SIGINT, as this one does; limit/blocking.test.ts has it in each shape.
const BADS: readonly Bad[] = [
  { name: "leaks", isolation: "inline", limits: { heapMb: eject(20) }, text: LEAKS },
  { name: "leaks", isolation: "worker", limits: { heapMb: eject(20) }, text: LEAKS },
  { name: "throws", isolation: "inline", limits: { errorPercent: eject(50) }, text: THROWS, asked: true },
  { name: "throws", isolation: "worker", limits: { errorPercent: eject(50) }, text: THROWS, asked: true },
  { name: "spins", isolation: "worker", limits: { cpuPercent: eject(50) }, text: SPINS, asked: true },
];

interface Episode {
  readonly quietP99Ms: number;
  readonly besideP99Ms: number;
  /** From its installation until it was ejected. */
  readonly ejectedMs: number;
  readonly namedBy: string;
  readonly failed: number;
}

export const benchmark: Benchmark = {
  title: "what a module that leaks, spins or throws does to its neighbour until its limit has ejected it",
  options: { rounds: 3, seconds: 6 },
  run: async ({ say, option }) => {
    const rows = [["", "quiet p99", "beside it p99", "ratio", "ejected after", "named by", "failed"]];
    const results: Record<string, unknown> = {};
    for (const bad of BADS) {
      const episodes: Episode[] = [];
      for (let round = 0; round < option("rounds"); round += 1) episodes.push(await measure(bad, option("seconds")));
      const middle = (pick: (episode: Episode) => number): number => median(episodes.map(pick));
      const quietP99Ms = middle((one) => one.quietP99Ms);
      const besideP99Ms = middle((one) => one.besideP99Ms);
      const ratio = middle((one) => one.besideP99Ms / one.quietP99Ms);
      const ejectedMs = middle((one) => one.ejectedMs);
      const failed = episodes.reduce((sum, one) => sum + one.failed, 0);
      const key = `${bad.name}, ${bad.isolation}`;
      results[key] = { quietP99Ms, besideP99Ms, ratio, ejectedMs, failed };
      const ms = (value: number): string => `${value.toFixed(1)} ms`;
      const named = episodes[0]?.namedBy ?? "";
      rows.push([key, ms(quietP99Ms), ms(besideP99Ms), ratio.toFixed(2), ms(ejectedMs), named, String(failed)]);
    }
    for (const line of table(rows)) say(line);
    return { neighbours: results };
  },
};

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
