import { setTimeout as sleep } from "node:timers/promises";
import { RELEASE_ORDER } from "@evenkeel/client/deployment";
import type { Change } from "@evenkeel/contracts/change";
import { MODULE_OPERATION } from "@evenkeel/contracts/module-operation";
import { MODULE_RELEASE } from "@evenkeel/contracts/module-release";
import { startLoad } from "@evenkeel/load/load";
import { BASE_SERVER, bundleOf } from "@evenkeel/testkit/base-application";
import type { Platform } from "@evenkeel/testkit/platform";
import { Shop, settled } from "@evenkeel/testkit/shop";
import { type Bench, type Benchmark, median, table } from "./benchmark.ts";
import { ownPlatform } from "./own-platform.ts";

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 5);
const CODE_BYTES = 100_000;
/** Services that are released at the same time. */
const AT_ONCE = 4;
/** Releases that compile what the control plane had not needed yet. */
const COLD = 3;
const ASK_AGAIN_MS = 2;
const LATE_MS = 120_000;
const RATE = 100;
const AIMS = { one: 100, all: 1000, back: 1000, move: 1000 };

export const benchmark: Benchmark = {
  title:
    "modules through the control plane: from the POST of the change to the last base that answers with the new version",
  options: { bases: 100, orders: 100 },
  run: async (bench) => await measureFleet(bench, { count: bench.option("bases"), orders: bench.option("orders") }),
};

interface Size {
  readonly count: number;
  /** Releases one after another onto one base under a constant load. */
  readonly orders: number;
}

/** On a platform of its own with so many bases. */
export async function measureFleet(bench: Bench, { count, orders }: Size) {
  const platform = await ownPlatform(bench);
  const fleet = await Fleet.start(platform);
  const one = await fleet.releases("one");
  const back = await fleet.rollbacks();
  const moves = await fleet.moves();
  await fleet.grow(count - 1);
  bench.say(`${count} bases, each a process of its own below one agent`);
  const all = await fleet.releases("all");
  const { failures, ...replaced } = await fleet.replaceUnderLoad(orders);
  for (const failure of failures.slice(0, 5)) bench.say(JSON.stringify(failure));
  const middle = (all: readonly Released[], of: "servingMs" | "endedMs"): number => median(all.map((each) => each[of]));
  const ms = (value: number): string => `${Math.round(value)} ms`;
  const rows = [
    ["median", "", "aim"],
    ["module onto 1 base: answers", ms(middle(one, "servingMs")), ms(AIMS.one)],
    ["its order has ended", ms(middle(one, "endedMs")), ""],
    ["rolled back on 1 base: answers", ms(median(back)), ms(AIMS.back)],
    ["a base to another cluster", ms(median(moves)), ms(AIMS.move)],
    [`module onto ${count - 1} more bases: all answer`, ms(middle(all, "servingMs")), ms(AIMS.all)],
    ["its order has ended", ms(middle(all, "endedMs")), ""],
  ];
  for (const line of table(rows)) bench.say(line);
  const { orderReplacements, orderRequests, orderFailedRequests } = replaced;
  bench.say(`${orderReplacements} orders under load: ${orderFailedRequests} of ${orderRequests} requests failed`);
  return {
    ...{ bases: count, endToEndOneBaseMs: middle(one, "servingMs"), orderOneBaseMs: middle(one, "endedMs") },
    ...{ endToEnd100BasesMs: middle(all, "servingMs"), order100BasesMs: middle(all, "endedMs") },
    ...{ rollbackMs: median(back), moveBaseMs: median(moves), ...replaced, one, all, back, moves },
  };
}

/** From the POST of the change. */
interface Released {
  /** Until the last base answered with the new version. */
  readonly servingMs: number;
  /** Until the change had succeeded. */
  readonly endedMs: number;
  readonly changeId: Change["id"];
  readonly version: string;
}

interface Place {
  readonly name: string;
  readonly url: string;
}

/** Base applications on one host: the first alone in the cluster `one`, those that come later in `all`. */
class Fleet {
  readonly #platform: Platform;
  #places: readonly Place[] = [];
  #version = 0;

  private constructor(platform: Platform) {
    this.#platform = platform;
  }

  /** With its first base. */
  static async start(platform: Platform): Promise<Fleet> {
    for (const name of ["one", "all"])
      await platform.client.createBaseCluster({ body: { workspace: "local", name, buffer: false } });
    const fleet = new Fleet(platform);
    await fleet.#move(await fleet.#begin(1), "one");
    return fleet;
  }

  async grow(count: number): Promise<void> {
    await this.#move(await this.#begin(count), "all");
  }

  async #begin(count: number): Promise<Place[]> {
    const platform = this.#platform;
    const before = this.#places.length;
    const shops = Array.from({ length: count }, (_, index) => new Shop(platform, `base-${before + index + 1}`));
    const waiting = [...shops];
    await Promise.all(
      Array.from({ length: AT_ONCE }, async () => {
        for (let shop = waiting.shift(); shop !== undefined; shop = waiting.shift()) await releaseBase(platform, shop);
      }),
    );
    const places = await Promise.all(shops.map(placeOf));
    this.#places = [...this.#places, ...places];
    return places;
  }

  /** Each brings bytes that no process has seen. */
  async releases(cluster: "one" | "all"): Promise<Released[]> {
    const released: Released[] = [];
    for (let round = 0; round < COLD + ROUNDS; round += 1) released.push(await this.#release(cluster));
    return released.slice(COLD);
  }

  /** From the word that a release be rolled back to the answer of the version before. */
  async rollbacks(): Promise<number[]> {
    const { client } = this.#platform;
    const times: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const { version: before } = await this.#release("one");
      const { changeId } = await this.#release("one");
      const beganAt = performance.now();
      const body = { speed: "fast" as const, reason: "the version before is wanted" };
      const { id } = await client.rollbackChange({ params: { changeId }, body });
      await client.startChange({ params: { changeId: id }, body: {} });
      await this.#answered("one", before);
      times.push(performance.now() - beganAt);
      await ended(this.#platform, id);
    }
    return times;
  }

  /** Releases under a constant load; a request that failed is never tried again. */
  async replaceUnderLoad(orders: number) {
    const [place] = this.#places;
    const load = startLoad({ url: `${place?.url}/one`, rate: RATE });
    for (let order = 0; order < orders; order += 1) await this.#release("one");
    const { sent, failed, failures } = await load.stop();
    return { orderReplacements: orders, orderRequests: sent, orderFailedRequests: failed, failures };
  }

  async #release(cluster: "one" | "all"): Promise<Released> {
    const module = await this.#upload(cluster);
    const beganAt = performance.now();
    const body = { kind: MODULE_RELEASE, spec: { cluster, modules: [module], publish: {} }, start: {} };
    const { id: changeId } = await this.#platform.client.createChange({ body });
    await this.#answered(cluster, module.version);
    const servingMs = performance.now() - beganAt;
    await ended(this.#platform, changeId);
    return { servingMs, endedMs: performance.now() - beganAt, changeId, version: module.version };
  }

  /** One base after another is asked: when the last has been seen to answer, all answer. */
  async #answered(cluster: "one" | "all", version: string): Promise<void> {
    const places = cluster === "one" ? this.#places.slice(0, 1) : this.#places.slice(1);
    for (const place of places) await answered(`${place.url}/${cluster}`, version);
  }

  async moves(): Promise<number[]> {
    const [place] = this.#places;
    const times: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1)
      for (const to of ["all", "one"]) {
        const beganAt = performance.now();
        await this.#move([place!], to);
        times.push(performance.now() - beganAt);
      }
    return times;
  }

  async #upload(name: string): Promise<{ name: string; version: string }> {
    this.#version += 1;
    const version = `1.0.${this.#version}`;
    // A body is given back, as the load expects.
    const code = `exports.activate = () => ({ routes: (request, response) =>
      request.method === "POST" ? request.pipe(response) : response.end(${JSON.stringify(version)}) });`;
    const filler = `\nexports.filler = () => ${JSON.stringify(version.repeat(CODE_BYTES / version.length))};`;
    const bundle = bundleOf({ name, version, provides: { routes: [{ path: `/${name}` }] } }, code + filler);
    const query = { digest: bundle.object.digest };
    await this.#platform.client.uploadModule({ query, body: new Uint8Array(bundle.bytes) });
    return { name, version };
  }

  async #move(places: readonly Place[], to: string): Promise<void> {
    const spec = { operation: "move", bases: places.map(({ name }) => name), to };
    const { id } = await this.#platform.client.createChange({ body: { kind: MODULE_OPERATION, spec, start: {} } });
    await ended(this.#platform, id);
  }
}

async function releaseBase(platform: Platform, shop: Shop): Promise<void> {
  const manifest = { hosts: ["local-1"], routes: [] };
  const spec = await shop.specOf({ version: "1.0.0", files: { "server.mjs": BASE_SERVER }, manifest });
  const change = await platform.client.createChange({ body: { kind: RELEASE_ORDER, spec, start: {} } });
  const { state } = await settled(platform, change);
  if (state !== "succeeded") throw new Error(`${shop.name} was not released: ${state}`);
}

async function placeOf(shop: Shop): Promise<Place> {
  const [instance] = await shop.instances();
  if (instance === undefined) throw new Error(`${shop.name} has no instance`);
  return { name: `${shop.name}@${instance.hostName}`, url: `http://${instance.address}:${instance.port}` };
}

/** Until it has ended, as its events tell. */
async function ended({ client }: Platform, changeId: Change["id"]): Promise<void> {
  for await (const { type, data } of client.watchChange(changeId)) if (type === "change" && data.to === "failed") break;
  const { state } = await client.getChange({ params: { changeId } });
  if (state !== "succeeded") throw new Error(`the change ${changeId} ended as ${state}`);
}

/** Until it answers with this version. */
async function answered(url: string, version: string): Promise<void> {
  const lateAt = performance.now() + LATE_MS;
  while ((await (await fetch(url)).text()) !== version) {
    if (performance.now() > lateAt) throw new Error(`${url} does not answer with ${version}`);
    await sleep(ASK_AGAIN_MS);
  }
}
