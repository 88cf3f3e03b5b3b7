import type { Change } from "@evenkeel/contracts/change";
import { sql } from "kysely";
import { afterEach, beforeEach, expect, test } from "vitest";
import { onlineHosts } from "../agent-link/index.ts";
import { until } from "../link/testing.ts";
import { Fleet, type FleetHost } from "./testing.ts";

// The database goes back to an earlier moment, as a restore takes it there; hosts and their instances do not.

let fleet: Fleet;
const definition = { start: "node server.js", health: { tcp: true }, drain: { seconds: 1, policy: "cut" } };
const routed = { definition: { ...definition, routes: [{ host: "*", path: "/" }] } };
const MOMENT = ["instance", "upstream", "service", "revision"];

beforeEach(async () => {
  fleet = await Fleet.start(["h1", "h2"]);
  await fleet.release("1.0.0", routed);
});
afterEach(() => fleet.close());

async function keepMoment(): Promise<void> {
  for (const table of MOMENT)
    await sql`create table ${sql.table(`was_${table}`)} as table ${sql.table(table)}`.execute(fleet.db);
}
async function restoreMoment(): Promise<void> {
  for (const host of fleet.hosts) await host.cut();
  await fleet.db.transaction().execute(async (tx) => {
    await sql`set local session_replication_role = replica`.execute(tx);
    for (const table of MOMENT) {
      await sql`delete from ${sql.table(table)}`.execute(tx);
      await sql`insert into ${sql.table(table)} table ${sql.table(`was_${table}`)}`.execute(tx);
    }
    await sql`insert into restoration (epoch, taken_at) values (1, clock_timestamp())`.execute(tx);
    await sql`insert into restoration_instance (tenant_id, host_id, service_id, letter, revision_id, state)
      select tenant_id, host_id, service_id, letter, revision_id, state from instance`.execute(tx);
  });
}
const operate = async (operation: string) =>
  await carryOut(await fleet.create("operation-order", { service: "shop", operation }));
async function carryOut({ id }: Pick<Change, "id">): Promise<Change> {
  await fleet.start(id);
  return await fleet.waitFor(id, "succeeded", "failed");
}
const runs = () => fleet.hosts.map((host) => host.runs().join());
const upstreams = async () =>
  (await fleet.db.selectFrom("upstream").select(["letter", "state", "weight"]).orderBy("instance").execute()).map(
    ({ letter, state, weight }) => `${letter} ${state} ${weight}`,
  );
/** A host is online a moment before what it says is stored. */
async function comeBack(...hosts: readonly (FleetHost | undefined)[]): Promise<void> {
  for (const host of hosts) {
    await host?.connect();
    const found = fleet.db.selectFrom("host_report").select("host_id");
    await until(async () => (await found.execute()).some(({ host_id }) => host_id === host?.hostId));
  }
}
const done = { state: "succeeded", problem: null };

test("what took the place of the instances of the backup keeps their requests until a release takes its place", async () => {
  await keepMoment();
  await fleet.release("2.0.0", routed);
  await restoreMoment();
  expect(await upstreams()).toEqual(["a attached 100", "a attached 100"]);
  await comeBack(...fleet.hosts);
  expect(await upstreams()).toEqual(["b attached 100", "b attached 100"]);
  await fleet.release("3.0.0", routed);
  expect([runs(), await upstreams()]).toEqual([
    ["3.0.0", "3.0.0"],
    ["a attached 100", "a attached 100"],
  ]);
});

test("a restart puts the version of the backup there, and who goes offline leaves traffic first", async () => {
  await keepMoment();
  await fleet.release("2.0.0", routed);
  await restoreMoment();
  await comeBack(...fleet.hosts);
  expect(await operate("restart")).toMatchObject(done);
  expect([runs(), (await upstreams()).length]).toEqual([["1.0.0", "1.0.0"], 2]);
  expect(await operate("offline")).toMatchObject(done);
  expect([runs(), await upstreams()]).toEqual([["", ""], []]);
});

test("a host that comes back after a release was made without it goes on with what it has until it is brought there", async () => {
  await keepMoment();
  await fleet.release("2.0.0", routed);
  await restoreMoment();
  const [here, away] = fleet.hosts;
  await comeBack(here);
  const { id } = await fleet.planRelease("3.0.0", { ...routed, hosts: ["h1"] });
  expect(await carryOut({ id })).toMatchObject(done);
  await comeBack(away);
  expect(await upstreams()).toEqual(expect.arrayContaining(["a attached 100", "b attached 100"]));
  await fleet.release("4.0.0", { ...routed, hosts: ["h1", "h2"] });
  expect([runs(), (await upstreams()).length]).toEqual([["4.0.0", "4.0.0"], 2]);
});

test("nothing is asked of a host that is back before what it says is stored: its instances may be others than the plan's", async () => {
  await keepMoment();
  await restoreMoment();
  const [host] = fleet.hosts as [FleetHost];
  const online = async () => await onlineHosts(fleet.db, [host.hostId]);
  await fleet.db.transaction().execute(async (tx) => {
    await sql`lock table host_report in exclusive mode`.execute(tx);
    await host.connect();
    expect(await online()).toEqual(new Set());
  });
  await until(async () => (await online()).has(host.hostId));
});

test("what a host had missed by the backup is owed no more where it has gone on since: nothing goes back by itself", async () => {
  await keepMoment();
  const { id } = await fleet.release("2.0.0", { ...routed, hosts: ["h1"] });
  await restoreMoment();
  await sql`insert into owed_slot (service_id, host_id, tenant_id, running, because_of)
    select service_id, host_id, tenant_id, true, ${id} from instance`.execute(fleet.db);
  const [first] = fleet.hosts;
  await comeBack(first);
  const owed = await fleet.db.selectFrom("owed_slot").select("host_id").execute();
  expect(owed.map(({ host_id }) => host_id)).not.toContain(first?.hostId);
  expect(runs()[0]).toBe("2.0.0");
});
