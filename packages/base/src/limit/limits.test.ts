import { ModuleLimits } from "@evenkeel/contracts/module";
import { expect, test } from "vitest";
import { answering, BaseBed } from "../testing.ts";
import { counted, excessesOf, isGross, type Measured } from "./judge.ts";

const quiet: Measured = { heapBytes: null, cpuPercent: 0, requests: 100, errors: 0, p99Ms: 1 };

test("limits are judged window by window; too few requests say nothing", () => {
  const limits = ModuleLimits.parse({
    heapMb: { most: 1 },
    errorPercent: { most: 10, action: "eject" },
    latencyMs: { most: 5 },
  });
  expect(excessesOf(limits, quiet)).toEqual([]);
  expect(excessesOf(limits, { ...quiet, errors: 11 })).toMatchObject([
    { measure: "errorPercent", value: 11, action: "eject" },
  ]);
  expect(excessesOf(limits, { ...quiet, requests: 19, errors: 19, p99Ms: 50 })).toEqual([]);
  expect(excessesOf(limits, { ...quiet, heapBytes: 3 * 1024 ** 2 })).toMatchObject([{ measure: "heapMb", value: 3 }]);
  const over = excessesOf(limits, { ...quiet, p99Ms: 6 });
  expect(isGross({ measure: "heapMb", value: 2, most: 1, action: "alarm" })).toBe(true);
  expect(isGross({ measure: "heapMb", value: 1.9, most: 1, action: "alarm" })).toBe(false);
  expect(isGross({ measure: "cpuPercent", value: 90, most: 10, action: "alarm" })).toBe(false);
  expect(counted(counted(new Map(), over), over)).toEqual(new Map([["latencyMs", 2]]));
  expect(counted(new Map([["latencyMs", 2]]), [])).toEqual(new Map());
});

const route = (name: string) => ({
  name,
  version: "1.0.0",
  drainSeconds: 0,
  provides: { routes: [{ path: `/${name}` }] },
});
const wait = { timeout: 60_000, interval: 100 };

async function found(bed: BaseBed, name: string) {
  const { modules } = bed.base.report();
  const { modules: measured } = await bed.base.perform("statistics", {});
  const report = modules.find((each) => each.name === name);
  return { report, statistics: measured.find((each) => each.name === name) };
}

const keepsMore =
  "const kept = []; setInterval(() => kept.push(...Array.from({ length: 20000 }, (_, i) => ({ i }))), 20);";
// Work that is counted, not timed: on a busy machine a stretch of time is little work.
const burns =
  "function burn() { let sum = 0; for (let i = 0; i < 2e7; i++) sum += Math.sqrt(i); return sum; } setInterval(burn, 20);";

test.each([
  { does: "keeps ever more", measure: "heapMb", most: 10, text: keepsMore },
  { does: "takes more than its share of the processor", measure: "cpuPercent", most: 1, text: burns },
])(
  "an inline module that $does is named and ejected; its neighbour is not",
  async ({ measure, most, text }) => {
    await using bed = await BaseBed.open();
    const limits = { [measure]: { most, action: "eject" as const } };
    await bed.install({ ...route("calm"), limits }, answering("calm"));
    await bed.install({ ...route("greedy"), limits }, `${text} ${answering("greedy")}`);
    await expect.poll(async () => (await found(bed, "greedy")).report?.state, wait).toBe("broken");
    const { report } = await found(bed, "greedy");
    expect(report?.problem).toMatchObject({ code: "MODULE_OVER_LIMIT", facts: { module: "greedy@1.0.0", measure } });
    expect((await bed.get("/greedy")).body).toBe("of the base");
    expect((await bed.get("/calm")).body).toBe("calm");
    expect((await found(bed, "calm")).report).toMatchObject({ state: "active", health: { healthy: true } });
  },
  120_000,
);

test("a thread that has twice its memory is not waited for: its module is named by the limit, and not started again", async () => {
  await using bed = await BaseBed.open();
  const limits = { heapMb: { most: 10, action: "eject" as const } };
  await bed.install(
    { ...route("greedy"), isolation: "worker", limits },
    `setTimeout(() => { ${keepsMore} }, 500); ${answering("greedy")}`,
  );
  await expect.poll(async () => (await found(bed, "greedy")).report?.state, wait).toBe("broken");
  const { report, statistics } = await found(bed, "greedy");
  expect(report?.problem).toMatchObject({ code: "MODULE_OVER_LIMIT", facts: { measure: "heapMb", most: 10 } });
  expect(statistics?.restarts).toBe(0);
}, 120_000);

test("a module whose requests fail is ejected by its error limit, with what it threw in its log", async () => {
  await using bed = await BaseBed.open();
  const limits = { errorPercent: { most: 50, action: "eject" as const } };
  await bed.install(
    { ...route("failing"), limits },
    "exports.activate = () => ({ routes: () => { throw new Error('no stock'); } });",
  );
  const hammer = async () => {
    await Promise.all(Array.from({ length: 30 }, () => bed.get("/failing")));
    return (await found(bed, "failing")).report?.state;
  };
  await expect.poll(hammer, { timeout: 60_000, interval: 20 }).toBe("broken");
  const { lines } = await bed.base.perform("log", { name: "failing", version: "1.0.0", lines: 1000 });
  expect(lines.some(({ text }) => text.includes("no stock"))).toBe(true);
}, 120_000);

test("what a module throws where nobody can catch it is its own failure, and the base lives", async () => {
  await using bed = await BaseBed.open();
  const careless = `exports.activate = () => ({ routes: (request, response) => {
    setTimeout(() => { throw new Error("late"); }, 0); response.end("done"); } });`;
  await bed.install(route("careless"), careless);
  expect((await bed.get("/careless")).body).toBe("done");
  await expect.poll(async () => (await found(bed, "careless")).statistics?.errors, wait).toBe(1);
});

test("a thread over its heap limit is started again before V8's own cap, and serves on", async () => {
  await using bed = await BaseBed.open();
  const limits = { heapMb: { most: 40, action: "restart-worker" as const } };
  const growing = `const kept = []; exports.activate = () => ({ routes: (request, response) => {
    if (request.url.endsWith("/grow")) setInterval(() => kept.push(...Array.from({ length: 50000 }, (_, i) => ({ i }))), 20);
    response.end("up"); } });`;
  await bed.install({ ...route("growing"), isolation: "worker", limits }, growing);
  expect((await bed.get("/growing/grow")).body).toBe("up");
  await expect.poll(async () => (await found(bed, "growing")).statistics?.restarts, wait).toBeGreaterThan(0);
  await expect.poll(async () => (await bed.get("/growing")).body, wait).toBe("up");
}, 120_000);
