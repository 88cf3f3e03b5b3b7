import { setTimeout as sleep } from "node:timers/promises";
import type { ChangeId } from "@evenkeel/contracts/id";
import type { Strategy } from "@evenkeel/contracts/strategy";
import { endIdentity } from "@evenkeel/kit/process-identity";
import { buildConsole, hasBrowser, openBrowser, openPage } from "@evenkeel/testkit/browser";
import type { Platform } from "@evenkeel/testkit/platform";
import { queryDatabase } from "@evenkeel/testkit/platform-state";
import { type Bench, type Benchmark, median, quantile } from "./benchmark.ts";
import { burstsOf, type Committed } from "./console/bursts.ts";
import { READ_TILES, SCRIPT_BYTES, type ShownTiles, UNTIL_INTERACTIVE, WATCH_TILES } from "./console/in-page.ts";
import { startCrowds, WORKSPACE } from "./crowds.ts";
import { ownPlatform } from "./own-platform.ts";

type Page = Awaited<ReturnType<typeof openPage>>["page"];

const LOADS = 5;
const AIMS = { firstLoadKb: 450, interactiveMs: 1500, eventBurstP95Ms: 100 };
const RESTART_LIMIT_MS = 60_000;
const CHANGE_LIMIT_MS = 10 * 60_000;

export const benchmark: Benchmark = {
  title: "the console in a real browser: first load, and a change of many hosts from the commit to the painted tile",
  options: { hosts: 2000, batch: 100 },
  run: async (bench) => {
    if (!hasBrowser) throw new Error("there is no Chromium here; on Debian: apt-get install chromium");
    buildConsole();
    const result = await measure(bench);
    for (const [name, aim] of Object.entries(AIMS)) {
      const value = result[name as keyof typeof AIMS];
      bench.say(`${name}: ${value}, aim ${aim}: ${value <= aim ? "met" : "NOT met"}`);
    }
    return result;
  },
};

async function measure(bench: Bench) {
  const hosts = bench.option("hosts");
  const platform = await ownPlatform(bench);
  await recordCommits(platform);
  const browser = await openBrowser();
  bench.defer(() => browser.close());
  const { page } = await openPage(browser);
  await logIn(page, platform);
  const loads = [];
  for (let round = 0; round < LOADS; round += 1) loads.push(await firstLoad(page, platform));
  const firstLoadKb = Math.round(median(loads.map(({ bytes }) => bytes)) / 100) / 10;
  const interactiveMs = Math.round(median(loads.map(({ ms }) => ms)));
  bench.say(`first load: ${firstLoadKb} kB of scripts, there after ${interactiveMs} ms (median of ${LOADS})`);
  const crowds = startCrowds(bench);
  await crowds.join(platform, hosts);
  await crowds.connect(hosts);
  bench.say(`${hosts} simulated agents are connected`);
  const watching = { bench, platform, page };
  const size = bench.option("batch");
  const paced = await watch(watching, { batches: { size }, bakeSeconds: 1 });
  bench.say(`batches of ${size}: ${told(paced)}`);
  const flood = await watch(watching, { batches: { count: 1 } });
  bench.say(`all at once: ${told(flood)}`);
  return {
    ...{ firstLoadKb, interactiveMs, hosts },
    ...{ eventBurstP95Ms: p95(paced.bursts), eventBurstMedianMs: Math.round(median(paced.bursts)) },
    ...{ bursts: paced.bursts.length, inSight: paced.inSight, floodP95Ms: p95(flood.bursts) },
  };
}

const p95 = (values: readonly number[]): number => Math.round(quantile(values, 0.95));

interface Watched {
  readonly bursts: readonly number[];
  readonly inSight: number;
}

const told = ({ bursts, inSight }: Watched): string =>
  `${bursts.length} bursts, p95 ${p95(bursts)} ms, median ${Math.round(median(bursts))} ms, ${inSight} hosts in sight`;

/** From here on the database knows when each transaction was committed; it starts anew for that. */
async function recordCommits(platform: Platform): Promise<void> {
  await queryDatabase(platform, "alter system set track_commit_timestamp = on");
  const { postgres } = await platform.parts();
  if (postgres === undefined) throw new Error("the platform has no database of its own");
  await endIdentity(postgres, "SIGINT", RESTART_LIMIT_MS);
  const endMs = performance.now() + RESTART_LIMIT_MS;
  while (!(await records(platform))) {
    if (performance.now() > endMs) throw new Error("the database did not come back");
    await sleep(100);
  }
  await platform.client.whoAmI();
}

async function records(platform: Platform): Promise<boolean> {
  try {
    const [row] = await queryDatabase<{ on: string }>(
      platform,
      "select current_setting('track_commit_timestamp') as on",
    );
    return row?.on === "on";
  } catch {
    return false;
  }
}

async function logIn(page: Page, { controlPlanes, token }: Platform): Promise<void> {
  await page.goto(`${controlPlanes[0]}/login`);
  await page.locator("input").fill(token);
  await page.keyboard.press("Enter");
  await page.locator(".shell").waitFor();
}

/** A browser that was never here, but for the cookie of the login. */
async function firstLoad(page: Page, { controlPlanes }: Platform): Promise<{ bytes: number; ms: number }> {
  const browser = page.context().browser();
  const context = await browser!.newContext({ storageState: await page.context().storageState() });
  try {
    const fresh = await context.newPage();
    await fresh.goto(`${controlPlanes[0]}/w/local`, { waitUntil: "commit" });
    const ms = await fresh.evaluate<number>(UNTIL_INTERACTIVE);
    return { ms, bytes: await fresh.evaluate<number>(SCRIPT_BYTES) };
  } finally {
    await context.close();
  }
}

interface Watching {
  readonly bench: Bench;
  readonly platform: Platform;
  readonly page: Page;
}

/** Lets a page watch a change that reaches every host of the crowd. */
async function watch({ bench, platform, page }: Watching, strategy: Partial<Strategy>): Promise<Watched> {
  const { client, controlPlanes } = platform;
  const spec = { workspace: WORKSPACE, operation: "probe", strategy };
  const { id } = await client.createChange({ body: { kind: "host-operation", spec } });
  await page.goto(`${controlPlanes[0]}/changes/${id}`);
  await page.locator(".tile").first().waitFor();
  await page.locator('[aria-busy="true"], .skeleton').first().waitFor({ state: "detached" });
  await page.evaluate(WATCH_TILES);
  await client.startChange({ params: { changeId: id }, body: {} });
  // Nobody else watches: what another one costs would be measured with it.
  const ended = page.locator(".page-head .badge.tone-good, .page-head .badge.tone-bad");
  await ended.waitFor({ timeout: CHANGE_LIMIT_MS });
  const state = await ended.textContent();
  if (!(await page.locator(".page-head .badge.tone-good").isVisible())) throw new Error(`the change is ${state}`);
  const tiles = await page.evaluate<ShownTiles>(READ_TILES);
  const committed = await commitsOf(platform, id);
  bench.say(`${committed.length} moves of hosts were committed`);
  return { bursts: burstsOf(committed, tiles), inSight: tiles.inSight.length };
}

async function commitsOf(platform: Platform, changeId: ChangeId): Promise<Committed[]> {
  return await queryDatabase<Committed>(
    platform,
    `select xmin::text as transaction, data ->> 'id' as "targetId", data ->> 'to' as state,
      (extract(epoch from pg_xact_commit_timestamp(xmin)) * 1000)::float8 as "committedMs"
    from change_event where change_id = $1 and type = 'target' order by sequence`,
    [changeId],
  );
}
