import { type Change, ChangeSummary, type TargetView } from "@evenkeel/contracts/change";
import { afterAll, beforeAll, expect, test } from "vitest";
import { migratedDatabase } from "../testing.ts";
import { readChange, readSummaries, readTargets, type TargetPage } from "./read.ts";
import { Drill, type DrillHost, FAILED, type Kernel, SUCCEEDED } from "./testing.ts";
import { cancel, close } from "./verbs/steer.ts";

let drill: Drill;
let kernel: Kernel;
let hosts: DrillHost[];
beforeAll(async () => {
  drill = await Drill.begin(await migratedDatabase(), "trees");
  kernel = await drill.kernel();
  hosts = [];
  for (const name of ["h1", "h2", "h3", "h4", "h5"]) hosts.push(await drill.host(name));
  for (const host of hosts) await host.connect(kernel);
});
afterAll(() => drill.close());

const targetsOf = ({ groups }: Change): TargetView[] =>
  groups.flatMap(({ batches }) => batches.flatMap(({ targets }) => targets));

test("a part of the tree says of what it shows the same as the whole, and counts what it leaves out", async () => {
  drill.behave = (step, _command, host) => (step === "do" && host === "h4" ? FAILED : SUCCEEDED);
  const strategy = { batches: { size: 2 }, budget: { action: "continue", failures: 0 } };
  const changeId = await drill.run(kernel, hosts, { strategy });
  const whole = await drill.waitFor(changeId, "failed");
  const { tenantId } = drill.ask(changeId);
  const read = async (atMost: number): Promise<Change> =>
    await readChange(drill.database.db, { tenantId, changeId, atMost });

  for (const atMost of [0, 1, 3]) {
    const part = await read(atMost);
    expect(targetsOf(part)).toHaveLength(atMost);
    const shown = new Set(targetsOf(part).map(({ targetId }) => targetId));
    const groups = whole.groups.map((group) => ({
      ...group,
      batches: group.batches.map((batch) => {
        return { ...batch, targets: batch.targets.filter(({ targetId }) => shown.has(targetId)) };
      }),
    }));
    expect(part).toEqual({ ...whole, groups });
  }
  expect(targetsOf(await read(1)).map(({ name }) => name)).toEqual(["h4"]);

  await expectListedAs(whole);

  const page = async (more: Partial<TargetPage>) =>
    await readTargets(drill.database.db, {
      ...{ tenantId, changeId, batch: undefined, state: undefined, after: null, rows: 10, ...more },
    });
  const names = (rows: readonly { name: string }[]) => rows.map(({ name }) => name);
  const [one, two] = [await page({ rows: 3 }), await page({ rows: 3, after: "2" })];
  expect(names([...one, ...two])).toEqual(["h1", "h2", "h3", "h4", "h5"]);
  expect([...one, ...two].map(({ place: _, batchId: __, ...target }) => target)).toEqual(targetsOf(whole));
  expect(names(await page({ state: "failed" }))).toEqual(["h4"]);
  const last = whole.groups[0]?.batches.at(-1);
  expect(names(await page({ batch: last?.name }))).toEqual(names(last?.targets ?? []));
  await expect(page({ batch: "nowhere" })).rejects.toMatchObject({ code: "BATCH_UNKNOWN" });
  await close(kernel.deps, drill.ask(changeId), { reason: "the next test needs the service" });
});

test("a list tells of a change that has ended what the change itself tells, whether or not its row says what its plan is", async () => {
  const failing = await drill.run(kernel, hosts, { strategy: { batches: "all" } });
  await drill.waitFor(failing, "failed");
  await close(kernel.deps, drill.ask(failing), { reason: "it is looked at as it stands" });
  const cancelled = await drill.create(kernel, hosts, {});
  await cancel(kernel.deps, drill.ask(cancelled));
  const { tenantId } = drill.ask(failing);
  for (const changeId of [failing, cancelled]) {
    const whole = await readChange(drill.database.db, { tenantId, changeId });
    expect(whole.targets.total).toBe(hosts.length);
    await expectListedAs(whole);
    await drill.database.db.updateTable("change").set({ target_count: null }).where("id", "=", changeId).execute();
    await expectListedAs(whole);
  }
});

async function expectListedAs(whole: Change): Promise<void> {
  const { db } = drill.database;
  const rows = await db.selectFrom("change").selectAll().where("id", "=", whole.id).execute();
  const told = Object.entries(whole).filter(([name]) => name in ChangeSummary.shape);
  expect(await readSummaries(db, rows)).toEqual([ChangeSummary.parse(Object.fromEntries(told))]);
}
