import { chmodSync, globSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type PostgresServer, startPostgres } from "@evenkeel/postgres/launcher";
import { joinHost } from "@evenkeel/testkit/extra-host";
import { type Platform, startPlatform } from "@evenkeel/testkit/platform";
import { Shop, settled, until } from "@evenkeel/testkit/shop";
import { afterEach, expect, test } from "vitest";

const HOUR_MS = 3_600_000;
const [FAKETIME] = globSync("/usr/lib/*/faketime/libfaketime.so.1");

const platforms: Platform[] = [];
afterEach(async () => {
  for (const platform of platforms.splice(0)) await platform.remove();
});

/** Only the clock that people set is another; what measures spans is not. */
const skewed = (by: string): Record<string, string> => ({
  LD_PRELOAD: FAKETIME ?? "",
  FAKETIME: by,
  FAKETIME_DONT_FAKE_MONOTONIC: "1",
});

test("agents whose clocks are an hour off release and roll back like the others, are told of, and their times are not believed", async ({
  skip,
}) => {
  skip(FAKETIME === undefined, "libfaketime is not installed");
  const platform = await startPlatform();
  platforms.push(platform);
  await joinHost(platform, { name: "early", address: "127.0.77.1", zone: "a", environment: skewed("-1h") });
  await joinHost(platform, { name: "late", address: "127.0.77.2", zone: "b", environment: skewed("+1h") });
  const shop = new Shop(platform);
  expect((await shop.release({ version: "1.0.0" })).state).toBe("succeeded");
  const load = shop.load();
  const release = await shop.release({ version: "2.0.0", strategy: { batches: "each", bakeSeconds: 0.2 } });
  expect([release.state, release.targets.succeeded]).toEqual(["succeeded", 6]);
  const moments = release.groups
    .flatMap(({ batches }) => batches.flatMap(({ targets }) => targets.flatMap(({ steps }) => steps)))
    .flatMap(({ startedAt, finishedAt }) => [startedAt, finishedAt].filter((at) => at !== null).map(Date.parse));
  expect(Math.max(...moments) - Math.min(...moments)).toBeLessThan(HOUR_MS / 2);

  const told = async (): Promise<unknown[]> => {
    const { items } = await platform.client.getDoctor();
    const skews = items.filter(({ problem }) => problem.code === "CLOCK_SKEWED");
    return skews.map(({ problem }) => problem.facts.host).toSorted();
  };
  await expect.poll(told, { timeout: 60_000 }).toEqual(["early", "late"]);

  const { id } = await platform.client.rollbackChange({
    params: { changeId: release.id },
    body: { speed: "fast", reason: "as before" },
  });
  await platform.client.startChange({ params: { changeId: id }, body: {} });
  await expect
    .poll(async () => (await platform.client.getChange({ params: { changeId: id } })).state, { timeout: 60_000 })
    .toBe("succeeded");
  expect((await shop.instances()).map(({ packageVersion }) => packageVersion)).toEqual(Array(6).fill("1.0.0"));
  const { failed, failures } = await load.stop();
  expect({ failed, failures }).toEqual({ failed: 0, failures: [] });
});

/** A database server whose clock the test sets, as a person or a time server would: by a jump. */
class SteppedServer {
  readonly #folder = mkdtempSync(join(tmpdir(), "evenkeel stepped "));
  readonly #file = join(this.#folder, "clock");
  server!: PostgresServer;

  static async start(): Promise<SteppedServer> {
    const stepped = new SteppedServer();
    chmodSync(stepped.#folder, 0o755);
    stepped.step("+0");
    stepped.server = await startPostgres({
      dataDir: join(stepped.#folder, "data"),
      runDir: join(stepped.#folder, "run"),
      environment: {
        LD_PRELOAD: FAKETIME ?? "",
        FAKETIME_TIMESTAMP_FILE: stepped.#file,
        FAKETIME_NO_CACHE: "1",
        FAKETIME_DONT_FAKE_MONOTONIC: "1",
      },
    });
    return stepped;
  }

  /** From what the clock of the machine says. */
  step(to: string): void {
    writeFileSync(`${this.#file}.next`, to);
    renameSync(`${this.#file}.next`, this.#file);
  }

  async remove(): Promise<void> {
    await this.server.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

const servers: SteppedServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.remove();
});

test("the clock of the database is set an hour ahead and back in mid-release: no bake ends early, nobody's lease keeps others waiting, nothing is lost", async ({
  skip,
}) => {
  skip(FAKETIME === undefined, "libfaketime is not installed");
  const stepped = await SteppedServer.start();
  servers.push(stepped);
  const environment = { DATABASE_URL: stepped.server.url };
  const platform = await startPlatform({ environment, args: ["--empty", "--replicas", "2"] });
  platforms.push(platform);
  const { client } = platform;
  const shop = new Shop(platform);
  expect((await shop.release({ version: "1.0.0" })).state).toBe("succeeded");
  const load = shop.load();
  const online = async (): Promise<number> => {
    const { items } = await client.listHosts({ query: { workspace: "local" } });
    return items.filter(({ state }) => state === "online").length;
  };
  /** A change that begins now and ends: whoever works, works. */
  const othersGoOn = async (): Promise<void> => {
    // A jump ahead ends every lease: the replicas take new ones, and the agents connect anew.
    await expect.poll(online, { timeout: 60_000 }).toBe(4);
    const { id } = await client.createChange({
      body: { kind: "host-operation", spec: { workspace: "local", operation: "probe" } },
    });
    await client.startChange({ params: { changeId: id }, body: {} });
    expect((await settled(platform, { id })).state).toBe("succeeded");
  };
  const release = await shop.start({ version: "2.0.0", strategy: { batches: "each", bakeSeconds: 3000 } });
  await until(platform, release, ({ groups }) => groups[0]?.batches[0]?.state === "baking");
  for (const to of ["+1h", "+0", "-1h", "+0"]) {
    stepped.step(to);
    // The change is claimed anew and looked at: its bake has not ended.
    await othersGoOn();
    const now = await client.getChange({ params: { changeId: release.id } });
    expect([now.state, now.groups[0]?.batches[0]?.state, now.targets.succeeded]).toEqual(["running", "baking", 1]);
  }
  await client.rollbackChange({ params: { changeId: release.id }, body: { speed: "fast", reason: "as before" } });
  expect((await settled(platform, release)).state).toBe("rolled-back");
  expect((await shop.instances()).map(({ packageVersion }) => packageVersion)).toEqual(Array(4).fill("1.0.0"));
  const quick = await shop.start({ version: "3.0.0", strategy: { batches: "each", bakeSeconds: 0.2 } });
  for (const [done, to] of (["-1h", "+1h"] as const).entries()) {
    await until(platform, quick, ({ targets }) => targets.succeeded > done);
    stepped.step(to);
  }
  const ended = await settled(platform, quick);
  expect([ended.state, ended.problem, ended.targets.succeeded]).toEqual(["succeeded", null, 4]);
  const starts = shop.effects().filter(({ what, version }) => what === "start" && version === "3.0.0");
  expect(new Set(starts.map(({ host }) => host)).size).toBe(starts.length);
  const { failed, failures } = await load.stop();
  expect({ failed, failures }).toEqual({ failed: 0, failures: [] });
});
