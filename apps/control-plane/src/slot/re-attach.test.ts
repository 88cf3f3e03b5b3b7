import { problemOf } from "@evenkeel/contracts/error";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Fleet } from "./testing.ts";

let fleet: Fleet;
beforeAll(async () => {
  fleet = await Fleet.start(["h1", "h2"]);
});
afterAll(() => fleet.close());

const routed = { definition: { start: "node server.js", health: { tcp: true }, routes: [{ host: "*", path: "/" }] } };
const serving = async () =>
  (await fleet.db.selectFrom("upstream").select(["version", "state"]).orderBy("instance").execute()).flatMap(
    ({ version, state }) => (state === "attached" ? [version] : []),
  );

test("what is skipped with traffic given back has one instance that takes it, and the next release a place for its own", async () => {
  await fleet.release("1.0.0", routed);
  const problem = problemOf("DISK_FULL", { freeBytes: 1, neededBytes: 2 });
  fleet.interfere = (host, { type, input }) =>
    host === "h1" && type === "stop-instance" && (input as { letter: string }).letter === "a"
      ? { kind: "failed", problem, elapsedMs: 1 }
      : null;
  const { id } = await fleet.planRelease("2.0.0", routed);
  await fleet.start(id);
  await fleet.waitFor(id, "failed");
  // As where it is given up while the old one still drains.
  await sql`insert into upstream select (jsonb_populate_record(upstream, jsonb_build_object('instance', replace(instance, '/b', '/a'),
    'letter', 'a', 'version', '1.0.0', 'state', 'draining'))).* from upstream where host_id = ${fleet.hosts[0]?.hostId}`.execute(
    fleet.db,
  );
  await fleet.call("POST", `/changes/${id}/skip`, { targetIds: ["h1"], traffic: "re-attach" });
  await fleet.waitFor(id, "succeeded");
  fleet.interfere = () => null;
  expect(await serving()).toEqual(["2.0.0", "2.0.0"]);
  await fleet.release("3.0.0", routed);
  expect([fleet.hosts.map((host) => host.runs().join()), await serving()]).toEqual([
    ["3.0.0", "3.0.0"],
    ["3.0.0", "3.0.0"],
  ]);
});
