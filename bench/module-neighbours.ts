import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { type Benchmark, median, table } from "./benchmark.ts";
import { BADS, type Episode, NEIGHBOUR_PROGRAM } from "./modules/neighbour.ts";

export const benchmark: Benchmark = {
  title: "what a module that leaks, spins or throws does to its neighbour until its limit has ejected it",
  options: { rounds: 3, seconds: 20 },
  run: async ({ say, option }) => {
    const rows = [["", "quiet p99", "beside it p99", "ratio", "ejected after", "named by", "failed"]];
    const results: Record<string, unknown> = {};
    for (const [index, bad] of BADS.entries()) {
      const episodes: Episode[] = [];
      for (let round = 0; round < option("rounds"); round += 1)
        episodes.push(await episodeOf(index, option("seconds")));
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

async function episodeOf(index: number, seconds: number): Promise<Episode> {
  const { stdout } = await promisify(execFile)(process.execPath, [NEIGHBOUR_PROGRAM, String(index), String(seconds)]);
  return JSON.parse(stdout.trim().split("\n").at(-1) ?? "") as Episode;
}
