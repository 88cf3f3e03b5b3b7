import { setTimeout as sleep } from "node:timers/promises";
import { RELEASE_ORDER } from "@evenkeel/client/deployment";
import type { Change } from "@evenkeel/contracts/change";
import { ROUTE_CHANGE } from "@evenkeel/contracts/traffic-rule";
import type { Load, LoadReport } from "@evenkeel/load/load";
import type { Platform } from "@evenkeel/testkit/platform";
import { Shop, type ShopVersion, settled } from "@evenkeel/testkit/shop";
import { type Benchmark, median } from "./benchmark.ts";
import { ownPlatform } from "./own-platform.ts";

const RATE = 200;
/** What was in hand when a change ended has been counted by then. */
const COUNTED_MS = 300;
/** As long as this only what the change brought may answer. */
const AFTER_MS = 500;
const CELLS = { blue: ["local-1", "local-2"], green: ["local-3", "local-4"] } as const;
type Cell = keyof typeof CELLS;

export const benchmark: Benchmark = {
  title:
    "releases, then switches between two cells and back, under a constant load: no request is lost, none is answered by the wrong version",
  options: { releases: 100, switches: 20 },
  run: async (bench) => {
    const { say, option } = bench;
    const [releases, switches] = [option("releases"), option("switches")];
    const platform = await ownPlatform(bench, { EVENKEEL_GATEWAY_DRIVER: "auto" });
    const { items } = await platform.client.listGateways({ query: {} });
    const driver = items[0]?.driver ?? null;
    say(`gateway: ${driver}`);
    const course = new Course(platform);
    await course.begin();
    for (let done = 1; done <= releases; done += 1) {
      await course.release();
      if (done % 10 === 0) say(`${done} releases, ${course.lost} requests lost`);
    }
    await course.divide();
    for (let done = 1; done <= switches; done += 1) await course.switchOverOrBack(done);
    say(`${switches} switches, ${course.lost} requests lost`);
    const report = await course.end();
    const wrong = wrongAnswers(report, course.allowed);
    for (const line of [...report.failures.map((failure) => JSON.stringify(failure)), ...wrong]) say(line);
    if (report.failed > 0 || wrong.length > 0) process.exitCode = 1;
    const figures = { requests: report.requests, failedRequests: report.failed, wrongAnswers: wrong.length };
    say(`${releases} releases and ${switches} switches: ${JSON.stringify(figures)}`);
    return { driver, releases, switches, ...figures, p99Ms: report.p99Ms, releaseMs: median(course.releaseMs) };
  },
};

/** Answers of versions that the plan did not allow at that moment, a line for each window. */
function wrongAnswers({ windows }: LoadReport, allowed: ReadonlyMap<string, readonly string[]>): string[] {
  return windows.flatMap(({ name, byVersion }) => {
    const strange = Object.entries(byVersion).filter(([version]) => !allowed.get(name)?.includes(version));
    return strange.map(([version, count]) => `${name}: ${count} answers of ${version}`);
  });
}

/** One service, the versions that may answer at each moment, and the load that sees who does. */
class Course {
  readonly allowed = new Map<string, readonly string[]>();
  readonly releaseMs: number[] = [];
  readonly #platform: Platform;
  readonly #shop: Shop;
  #load: Load | null = null;
  #releases = 0;
  #current = "";
  #active: Cell = "blue";
  #before: { readonly change: Change; readonly version: string } | null = null;

  constructor(platform: Platform) {
    this.#platform = platform;
    this.#shop = new Shop(platform);
  }

  get lost(): number {
    return this.#load?.snapshot().failed ?? 0;
  }

  async begin(): Promise<void> {
    const what = this.#next();
    await this.#succeed(await this.#shop.release(what));
    this.#current = what.version;
    this.allowed.set("start", [what.version]);
    this.#load = this.#shop.load(RATE);
  }

  async release(): Promise<void> {
    const what = this.#next();
    const beganAt = performance.now();
    await this.#watch(what.version, async () => this.#succeed(await this.#shop.release(what)));
    this.releaseMs.push(performance.now() - beganAt - COUNTED_MS - AFTER_MS);
  }

  /** Two cells with half of the hosts each; all users are in the first. */
  async divide(): Promise<void> {
    const { client } = this.#platform;
    const { zones } = await client.getWorkspace({ params: { workspace: "local" } });
    for (const name of Object.keys(CELLS))
      await client.createCell({ body: { workspace: "local", name, zones, colour: name } });
    const hosts = Object.entries(CELLS).flatMap(([cell, its]) => its.map((host) => ({ host, cell })));
    await this.#carryOut(ROUTE_CHANGE, { hosts, cells: weights("blue") });
  }

  /** There and back in turn, counted from 1. */
  async switchOverOrBack(turn: number): Promise<void> {
    await (turn % 2 === 1 ? this.#switchOver() : this.#switchBack());
  }

  /** The idle cell gets a new version, of which nobody sees anything; then it gets all users, by steps. */
  async #switchOver(): Promise<void> {
    const idle: Cell = this.#active === "blue" ? "green" : "blue";
    const what = this.#next();
    const version = this.#current;
    await this.#watch(version, async () => {
      await this.#carryOut(RELEASE_ORDER, { ...(await this.#shop.specOf(what)), hosts: { cells: [idle] } });
    });
    await this.#watch(what.version, async () => {
      const spec = { cells: weights(idle), steps: [50, 100], strategy: { confirm: "none" } };
      this.#before = { change: await this.#carryOut(ROUTE_CHANGE, spec), version };
    });
    this.#active = idle;
  }

  /** One action: the rollback of the switch. */
  async #switchBack(): Promise<void> {
    const before = this.#before;
    if (before === null) throw new Error("nothing was switched");
    await this.#watch(before.version, async () => {
      const { client } = this.#platform;
      const params = { changeId: before.change.id };
      const { id } = await client.rollbackChange({ params, body: { speed: "fast", reason: "back again" } });
      await this.#succeed(
        await settled(this.#platform, await client.startChange({ params: { changeId: id }, body: {} })),
      );
    });
    this.#active = this.#active === "blue" ? "green" : "blue";
  }

  async end(): Promise<LoadReport> {
    if (this.#load === null) throw new Error("there is no load");
    return await this.#load.stop();
  }

  /** While it goes on both versions may answer, then only this one. */
  async #watch(version: string, act: () => Promise<unknown>): Promise<void> {
    const during = `${this.allowed.size}: ${this.#current} to ${version}`;
    this.#allow(during, [this.#current, version]);
    await act();
    await sleep(COUNTED_MS);
    this.#current = version;
    this.#allow(`${this.allowed.size}: ${version}`, [version]);
    await sleep(AFTER_MS);
  }

  #allow(name: string, versions: readonly string[]): void {
    this.allowed.set(name, versions);
    this.#load?.mark(name);
  }

  #next(): ShopVersion {
    this.#releases += 1;
    return { version: `1.${this.#releases}.0`, strategy: { batches: { by: "zone" }, minimumHealthySeconds: 0.3 } };
  }

  async #carryOut(kind: string, spec: unknown): Promise<Change> {
    const change = await this.#platform.client.createChange({ body: { kind, spec, start: {} } });
    return this.#succeed(await settled(this.#platform, change));
  }

  #succeed(change: Change): Change {
    if (change.state === "succeeded") return change;
    throw new Error(`${change.title} ended as ${change.state}: ${change.problem?.title}`);
  }
}

function weights(active: Cell): { cell: Cell; weight: number }[] {
  return [
    { cell: "blue", weight: active === "blue" ? 100 : 0 },
    { cell: "green", weight: active === "green" ? 100 : 0 },
  ];
}
