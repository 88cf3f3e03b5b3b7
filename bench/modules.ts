import { type Benchmark, table } from "./benchmark.ts";
import { measureFleet } from "./module-fleet.ts";
import { callRatio, heapGrowthPercent, memoryPerModuleMb } from "./modules/in-base.ts";
import { installTimes, REST_MS } from "./modules/install.ts";
import { memoryPerProcessMb, restartMs, rollingReload } from "./modules/processes.ts";
import { replaceUnderLoad } from "./modules/replace.ts";

const SMALL = 100_000;
const LARGE = 1_000_000;

export const benchmark: Benchmark = {
  title: "modules in a running base: install, call, memory and replacement, against processes of the same application",
  options: { rounds: 20, replacements: 1000, modules: 50, bases: 100, orders: 100 },
  run: async (bench) => {
    const { say, option } = bench;
    const rounds = option("rounds");
    const small = await installTimes({ bytes: SMALL, isolation: "inline", cached: true }, rounds);
    const large = await installTimes({ bytes: LARGE, isolation: "inline", cached: true }, rounds);
    const bare = await installTimes({ bytes: LARGE, isolation: "inline", cached: false }, rounds);
    const threaded = { bytes: SMALL, isolation: "worker", cached: true } as const;
    const worker = await installTimes({ ...threaded, restMs: REST_MS }, rounds);
    const cold = await installTimes(threaded, rounds);
    const restart = await restartMs(rounds);
    const reload = await rollingReload(10);
    const call = await callRatio();
    const memory = {
      memoryPerModuleMb: await memoryPerModuleMb(option("modules")),
      memoryPerProcessMb: await memoryPerProcessMb(Math.min(10, option("modules"))),
    };
    const heapGrowthPercentAfter1000 = await heapGrowthPercent();
    const { failures, ...replaced } = await replaceUnderLoad(option("replacements"));
    const ms = (value: number): string => `${value.toFixed(1)} ms`;
    const rows = [
      ["from the request to serving", "p50", "p99"],
      ["inline, 100 kB", ms(small.p50Ms), ms(small.p99Ms)],
      ["inline, 1 MB", ms(large.p50Ms), ms(large.p99Ms)],
      ["inline, 1 MB, without byte cache", ms(bare.p50Ms), ms(bare.p99Ms)],
      ["worker, 100 kB", ms(worker.p50Ms), ms(worker.p99Ms)],
      ["worker, 100 kB, one at once after the other", ms(cold.p50Ms), ms(cold.p99Ms)],
      ["process, stopped and started", ms(restart), ""],
      ["cluster of two, reloaded", ms(reload.rollingReloadMs), ""],
    ];
    for (const line of table(rows)) say(line);
    say(`\ncall through a reference ${call.callNs.toFixed(2)} ns, method ${call.methodNs.toFixed(2)} ns`);
    say(
      `own memory of a module ${memory.memoryPerModuleMb.toFixed(2)} MB, of a process ${memory.memoryPerProcessMb.toFixed(1)} MB`,
    );
    say(
      `${replaced.replacements} replacements: ${replaced.replaceFailedRequests} of ${replaced.replaceRequests} requests failed`,
    );
    say(`10 reloads: ${reload.rollingReloadFailedRequests} of ${reload.rollingReloadRequests} requests failed`);
    for (const failure of failures.slice(0, 5)) say(JSON.stringify(failure));
    const size = { count: option("bases"), orders: option("orders") };
    const { one: _, all: __, back: ___, moves: ____, ...fleet } = await measureFleet(bench, size);
    return {
      ...{ installInlineP50Ms: small.p50Ms, installInlineP99Ms: small.p99Ms },
      ...{ installInlineLargeP50Ms: large.p50Ms, installInlineLargeP99Ms: large.p99Ms },
      ...{
        installInlineLargeBareP50Ms: bare.p50Ms,
        installWorkerP50Ms: worker.p50Ms,
        installWorkerP99Ms: worker.p99Ms,
      },
      ...{ restartMs: restart, ...reload, ...call, ...memory, heapGrowthPercentAfter1000, ...replaced, ...fleet },
    };
  },
};
