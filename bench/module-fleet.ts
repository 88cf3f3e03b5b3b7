import { RELEASE_ORDER } from "@evenkeel/client/deployment";
import type { Change } from "@evenkeel/contracts/change";
import { isTerminal } from "@evenkeel/contracts/change-state";
import { MODULE_OPERATION } from "@evenkeel/contracts/module-operation";
import { MODULE_RELEASE } from "@evenkeel/contracts/module-release";
import { BASE_SERVER, bundleOf } from "@evenkeel/testkit/base-application";
import type { Platform } from "@evenkeel/testkit/platform";
import { Shop, settled } from "@evenkeel/testkit/shop";
import { type Bench, type Benchmark, median, table } from "./benchmark.ts";
import { ownPlatform } from "./own-platform.ts";

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 5);
const CODE_BYTES = 100_000;
/** Services that are released at the same time. */
const AT_ONCE = 4;
const AIMS = { one: 100, all: 1000, move: 1000 };

export const benchmark: Benchmark = {
  title:
    "modules through the control plane: from the POST of the change to the last base that answers with the new version",
  options: { bases: 100 },
  run: async (bench) => await measureFleet(bench, bench.option("bases")),
};

/** On a platform of its own with so many bases. */
export async function measureFleet(bench: Bench, count: number) {
  const platform = await ownPlatform(bench);
  const fleet = await Fleet.start(platform, count);
  bench.say(`${count} bases, each a process of its own below one agent`);
  const one = await fleet.releases("one");
  const all = await fleet.releases("all");
  const moves = await fleet.moves();
  const ms = (value: number): string => `${Math.round(value)} ms`;
  const rows = [
    ["median", "", "aim"],
    ["module onto 1 base", ms(median(one)), ms(AIMS.one)],
    [`module onto ${count - 1} bases`, ms(median(all)), ms(AIMS.all)],
    ["a base to another cluster", ms(median(moves)), ms(AIMS.move)],
  ];
  for (const line of table(rows)) bench.say(line);
  return {
    ...{ bases: count, endToEndOneBaseMs: median(one), endToEnd100BasesMs: median(all), moveBaseMs: median(moves) },
    ...{ one, all, moves },
  };
}

interface Place {
  readonly name: string;
  readonly url: string;
}

/** Base applications on one host: the first alone in the cluster `one`, the others in `all`. */
class Fleet {
  readonly #platform: Platform;
  readonly #places: readonly Place[];
  #version = 0;

  private constructor(platform: Platform, places: readonly Place[]) {
    this.#platform = platform;
    this.#places = places;
  }

  static async start(platform: Platform, count: number): Promise<Fleet> {
    const shops = Array.from({ length: count }, (_, index) => new Shop(platform, `base-${index + 1}`));
    const waiting = [...shops];
    await Promise.all(
      Array.from({ length: AT_ONCE }, async () => {
        for (let shop = waiting.shift(); shop !== undefined; shop = waiting.shift()) await releaseBase(platform, shop);
      }),
    );
    const places = await Promise.all(shops.map(placeOf));
    const fleet = new Fleet(platform, places);
    for (const name of ["one", "all"])
      await platform.client.createBaseCluster({ body: { workspace: "local", name, buffer: false } });
    await fleet.#move(places.slice(0, 1), "one");
    await fleet.#move(places.slice(1), "all");
    return fleet;
  }

  /** Each brings bytes that no process has seen. */
  async releases(cluster: "one" | "all"): Promise<number[]> {
    const places = cluster === "one" ? this.#places.slice(0, 1) : this.#places.slice(1);
    const times: number[] = [];
    for (let round = 0; round <= ROUNDS; round += 1) {
      const modules = [await this.#upload(cluster)];
      const beganAt = performance.now();
      const { id } = await this.#platform.client.createChange({
        body: { kind: MODULE_RELEASE, spec: { cluster, modules, publish: {} }, start: {} },
      });
      await ended(this.#platform, id);
      await Promise.all(places.map((place) => answered(`${place.url}/${cluster}`, modules[0]!.version)));
      times.push(performance.now() - beganAt);
    }
    // The first compiles what the control plane had not needed yet.
    return times.slice(1);
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
    const code = `exports.activate = () => ({ routes: (_, response) => response.end(${JSON.stringify(version)}) });`;
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

/** Looks again at once: the time between two looks is part of what is measured. */
async function ended({ client }: Platform, changeId: Change["id"]): Promise<void> {
  for (;;) {
    const { state } = await client.getChange({ params: { changeId } });
    if (state === "succeeded") return;
    if (isTerminal(state) || state === "failed") throw new Error(`the change ${changeId} ended as ${state}`);
  }
}

async function answered(url: string, version: string): Promise<void> {
  const text = await (await fetch(url)).text();
  if (text !== version) throw new Error(`${url} answered ${text.slice(0, 80)}, not ${version}`);
}
