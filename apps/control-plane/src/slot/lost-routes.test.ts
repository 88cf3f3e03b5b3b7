import type { Change } from "@evenkeel/contracts/change";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Fleet } from "./testing.ts";

let fleet: Fleet;
beforeAll(async () => {
  fleet = await Fleet.start(["h1", "h2"]);
});
afterAll(() => fleet.close());

const bare = { start: "node server.js", health: { tcp: true }, drain: { seconds: 1, policy: "cut" } };
const routed = { ...bare, routes: [{ host: "*", path: "/" }] };

async function carryOut({ id }: Pick<Change, "id">): Promise<Change> {
  await fleet.start(id);
  return await fleet.waitFor(id, "succeeded", "failed");
}
const release = async (version: string, definition: object) =>
  await carryOut(await fleet.planRelease(version, { definition }));
const goBack = async ({ id }: Change) =>
  await carryOut(await fleet.call("POST", `/changes/${id}/rollback`, { speed: "fast", reason: "back" }));
const runs = () => fleet.hosts.map((host) => host.runs().join());
const attached = async () =>
  (await fleet.db.selectFrom("upstream").select("version").execute()).map((one) => one.version);
const done = { state: "succeeded", problem: null };

test("a service that loses its routes leaves traffic before anything of it is stopped, and comes back by the rollback", async () => {
  await release("1.0.0", routed);
  const change = await release("2.0.0", bare);
  expect(change).toMatchObject(done);
  expect([runs(), await attached()]).toEqual([["2.0.0", "2.0.0"], []]);
  expect(await goBack(change)).toMatchObject(done);
  expect([runs(), await attached()]).toEqual([
    ["1.0.0", "1.0.0"],
    ["1.0.0", "1.0.0"],
  ]);
});

test("a release that gave a service its routes is rolled back to what had none", async () => {
  await release("3.0.0", bare);
  const change = await release("4.0.0", routed);
  expect(await attached()).toEqual(["4.0.0", "4.0.0"]);
  expect(await goBack(change)).toMatchObject(done);
  expect([runs(), await attached()]).toEqual([["3.0.0", "3.0.0"], []]);
});
