import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { serverKinds, type TestDatabase, testDatabase } from "@evenkeel/testkit/database";
import { type Platform, spawnPlatform, startPlatform } from "@evenkeel/testkit/platform";
import { afterEach, describe, expect, test } from "vitest";

const PARTS = ["agent-local-1", "agent-local-2", "agent-local-3", "agent-local-4", "control-plane-1", "gateway"];
const SECRET = "s3cret-word";

const platforms: Platform[] = [];
const databases: TestDatabase[] = [];

afterEach(async () => {
  for (const platform of platforms.splice(0).toReversed()) await platform.remove();
  for (const database of databases.splice(0)) await database.close();
});

describe.each((await serverKinds()).filter((kind) => kind === "debian"))(
  "with DATABASE_URL, on PostgreSQL of %s",
  (kind) => {
    test("the platform runs on the database that was named, starts none of its own, and a second start finds what was there", async () => {
      const database = await testDatabase(kind);
      databases.push(database);
      const first = await startPlatform({ environment: { DATABASE_URL: database.url } });
      platforms.push(first);
      expect(first.output()).toContain(`PostgreSQL ${database.version}`);
      expect(Object.keys(await first.parts()).toSorted()).toEqual(PARTS);
      expect((await first.client.getDoctor()).postgres).toContain("15.");
      expect(await first.interrupt()).toBe(0);
      const second = await startPlatform({ home: first.home, environment: { DATABASE_URL: database.url } });
      platforms.push(second);
      const { items } = await second.client.listHosts({ query: { workspace: "local" } });
      expect(items.map(({ state }) => state)).toEqual(["online", "online", "online", "online"]);
    });
  },
);

test.each([
  ["DATABASE_AWAY", `postgres://user:${SECRET}@127.0.0.1:1/shop`],
  ["SETTING_INVALID", `mysql://user:${SECRET}@127.0.0.1:1/shop`],
])(
  "a DATABASE_URL that cannot work ends the start with %s, leaves nothing running, and tells no secret",
  async (code, url) => {
    const home = mkdtempSync(join(tmpdir(), "named "));
    const { platform, ready } = await spawnPlatform({ home, environment: { DATABASE_URL: url } });
    platforms.push(platform);
    const error = (await ready().catch((thrown: unknown) => thrown)) as Error;
    // What it tells is the whole output, and the end of every log.
    expect(error.message).toContain(code);
    expect(error.message).not.toContain(SECRET);
    expect(await platform.parts()).toEqual({});
    rmSync(home, { recursive: true, force: true });
  },
);
