import { cpSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { endIdentity, isAlive, type ProcessIdentity, readIdentity } from "@evenkeel/kit/process-identity";
import { type ExtraHost, hostInState, joinHost, startAgent } from "@evenkeel/testkit/extra-host";
import { type Platform, startPlatform } from "@evenkeel/testkit/platform";
import { Shop, settled, until } from "@evenkeel/testkit/shop";
import { afterAll, beforeAll, expect, test } from "vitest";

const PLACE = { name: "disk", address: "127.0.99.21" };
const MANIFEST = { hosts: [PLACE.name] };

let platform: Platform;
let shop: Shop;
let extra: ExtraHost;
let agent: ProcessIdentity;
beforeAll(async () => {
  platform = await startPlatform();
  shop = new Shop(platform);
  extra = await joinHost(platform, PLACE);
  agent = extra.agent;
  expect((await shop.release({ version: "1.0.0", manifest: MANIFEST })).state).toBe("succeeded");
});
afterAll(() => platform.remove());

const journalFiles = (folder: string): string[] => readdirSync(folder).filter((name) => name.startsWith("journal.db"));

function copyJournal(from: string, to: string): void {
  for (const name of journalFiles(to)) rmSync(join(to, name));
  for (const name of journalFiles(from)) cpSync(join(from, name), join(to, name));
}

const killAgent = (): Promise<void> => endIdentity(agent, "SIGKILL", 10_000);

function startAgain(folder = extra.folder): ProcessIdentity {
  return startAgent(platform, { ...PLACE, folder });
}

const admit = (): Promise<unknown> => platform.client.admitHost({ params: { hostId: extra.host.id } });

/** Every process that the application wrote down ran once, and this one answers. */
async function expectOnce(version: string): Promise<void> {
  const started = shop.effects().filter(({ what }) => what === "start");
  expect(new Set(started.map((one) => one.version)).size).toBe(started.length);
  expect((await shop.ask()).version).toBe(version);
}

const serving = (): ProcessIdentity =>
  readIdentity(shop.effects().findLast(({ what }) => what === "start")?.pid ?? 0) as ProcessIdentity;

test("a journal that was set back to an older copy: the host is set aside, nothing runs twice, and a person takes it back", async () => {
  const copy = join(platform.home, "test/older");
  cpSync(extra.folder, copy, { recursive: true, filter: (name) => name === extra.folder || /journal\.db/.test(name) });
  expect((await shop.release({ version: "2.0.0", manifest: MANIFEST })).state).toBe("succeeded");
  const running = serving();
  await killAgent();
  copyJournal(copy, extra.folder);
  agent = startAgain();
  const host = await hostInState(platform, PLACE.name, "journal-lost");
  expect(host.id).toBe(extra.host.id);
  await expectOnce("2.0.0");
  expect(isAlive(running)).toBe(true);
  await admit();
  await hostInState(platform, PLACE.name, "online");
  await expectOnce("2.0.0");
  expect((await shop.release({ version: "3.0.0", manifest: MANIFEST })).state).toBe("succeeded");
  await expectOnce("3.0.0");
});

test("a folder that was copied to a second host: both agents are set aside and named, nothing runs twice", async () => {
  const copy = join(platform.home, "agents/copied");
  cpSync(extra.folder, copy, { recursive: true, filter: (name) => !name.endsWith(".sock") });
  const starts = shop.effects().length;
  const second = startAgain(copy);
  await hostInState(platform, PLACE.name, "duplicate");
  expect(shop.effects()).toHaveLength(starts);
  await endIdentity(second, "SIGKILL", 10_000);
  await admit();
  await hostInState(platform, PLACE.name, "online");
  expect((await shop.release({ version: "5.0.0", manifest: MANIFEST })).state).toBe("succeeded");
  expect(shop.effects().filter(({ what, version }) => what === "start" && version === "5.0.0")).toHaveLength(1);
});

test("a journal that is deleted in mid-release: the step is interrupted, the host set aside, and after a person has taken it back the release ends, each effect once", async () => {
  const { client } = platform;
  const release = await shop.start({
    version: "6.0.0",
    manifest: MANIFEST,
    strategy: { minimumHealthySeconds: 5 },
  });
  const params = { changeId: release.id };
  const proving = ({ groups }: typeof release): boolean =>
    groups.some(({ batches }) =>
      batches.some(({ targets }) =>
        targets.some(({ steps }) =>
          steps.some(({ name, state }) => name === "start-instance" && state === "succeeded"),
        ),
      ),
    );
  await until(platform, release, proving);
  await killAgent();
  for (const name of readdirSync(extra.folder).filter((file) => file.startsWith("journal")))
    rmSync(join(extra.folder, name));
  agent = startAgain();
  await hostInState(platform, PLACE.name, "journal-lost");
  expect((await settled(platform, release)).state).toBe("failed");
  expect((await client.getChange({ params })).targets.failed).toBe(1);
  const found = (await client.getDoctor()).items.filter(({ problem }) => problem.code === "JOURNAL_LOST");
  expect(found.map(({ actions }) => actions)).toEqual([[`host admit ${PLACE.name}`]]);
  await admit();
  await hostInState(platform, PLACE.name, "online");
  await client.retryChange({ params, body: {} });
  const ended = await settled(platform, release);
  expect([ended.state, ended.problem]).toEqual(["succeeded", null]);
  await expectOnce("6.0.0");
});
