import { CONVERGENCE } from "@evenkeel/contracts/convergence";
import { SCALE_ORDER } from "@evenkeel/contracts/scale-order";
import { afterEach, expect, test } from "vitest";
import { until } from "../link/testing.ts";
import { Fleet, type FleetHost } from "../slot/testing.ts";

let fleet: Fleet;
afterEach(() => fleet.close());

const hostsOf = async () => (await fleet.service()).definition.hosts;

async function scale(spec: object) {
  const { id } = await fleet.create(SCALE_ORDER, { service: "shop", ...spec });
  await fleet.start(id);
  return await fleet.waitFor(id, "succeeded");
}

test("hosts are added with what the service runs and taken away again; its rollback is the opposite", async () => {
  fleet = await Fleet.start(["h1", "h2", "h3"]);
  const [, second, third] = fleet.hosts as [FleetHost, FleetHost, FleetHost];
  await fleet.release("1.0.0", { hosts: ["h1", "h2"] });
  const added = await scale({ add: ["h3"] });
  expect(added.title).toBe("shop: add h3");
  expect(third.runs()).toEqual(["1.0.0"]);
  await scale({ remove: ["h2"] });
  expect(second.runs()).toEqual([]);
  expect(await hostsOf()).toEqual(["h1", "h3"]);
  const back = await fleet
    .call("POST", `/changes/${added.id}/rollback`, { speed: "fast", reason: "not needed" })
    .catch((error) => error);
  expect(back).toMatchObject({ code: "ACTION_NOT_ALLOWED" });
  const [, removal] = await fleet.changesOf(SCALE_ORDER);
  const undo = await fleet.call("POST", `/changes/${removal?.id}/rollback`, {
    speed: "fast",
    reason: "needed after all",
  });
  await fleet.start(undo.id);
  await fleet.waitFor(undo.id, "succeeded");
  expect(second.runs()).toEqual(["1.0.0"]);
  expect(await hostsOf()).toEqual(["h1", "h2", "h3"]);
});

test.each([
  [{ add: ["nowhere"] }, "NOT_FOUND"],
  [{ add: ["h1"] }, "ALREADY_SO"],
  [{ remove: ["h1", "h2"] }, "INPUT_INVALID"],
  [{}, "INPUT_INVALID"],
  [{ add: ["h1"], remove: ["h1"] }, "INPUT_INVALID"],
])("%j is refused as %s", async (spec, code) => {
  fleet = await Fleet.start(["h1", "h2"]);
  await fleet.release("1.0.0");
  await expect(fleet.create(SCALE_ORDER, { service: "shop", ...spec })).rejects.toMatchObject({ code });
});

test("beside a release a new host begins as its batch has, and converges after it; what stands in the plan is not taken away", async () => {
  fleet = await Fleet.start(["h1", "h3"]);
  await fleet.release("1.0.0");
  const release = await fleet.planRelease("2.0.0", { strategy: { batches: "each", confirm: "each" } });
  await fleet.start(release.id);
  await fleet.waitFor(release.id, "awaiting-confirmation");
  // Between h1, whose batch is over, and h3, whose batch is not.
  const second = await fleet.host("h2");
  const fourth = await fleet.host("h4");
  await scale({ add: ["h2"] });
  expect(second.runs()).toEqual(["1.0.0"]);
  await expect(fleet.create(SCALE_ORDER, { service: "shop", remove: ["h3"] })).rejects.toMatchObject({
    code: "TARGET_IN_PLAN",
  });
  await fleet.call("POST", `/changes/${release.id}/confirm`, { batchIds: ["shop/2"] });
  await fleet.waitFor(release.id, "succeeded");
  await until(async () => (await fleet.changesOf(CONVERGENCE)).at(-1)?.state === "succeeded");
  expect(second.runs()).toEqual(["2.0.0"]);
  expect(await hostsOf()).toBe("all");
  expect(fourth.runs()).toEqual([]);
});

test("a host whose batch has succeeded begins with the new revision, and goes back with a rollback", async () => {
  fleet = await Fleet.start(["h1", "h9"]);
  await fleet.release("1.0.0");
  const release = await fleet.planRelease("2.0.0", { strategy: { batches: { count: 2 }, confirm: "each" } });
  await fleet.start(release.id);
  await fleet.waitFor(release.id, "awaiting-confirmation");
  const added = await fleet.host("h0");
  await scale({ add: ["h0"] });
  expect(added.runs()).toEqual(["2.0.0"]);
  await fleet.call("POST", `/changes/${release.id}/rollback`, { speed: "fast", reason: "no" });
  await fleet.waitFor(release.id, "rolled-back");
  await until(async () => (await fleet.changesOf(CONVERGENCE)).at(-1)?.state === "succeeded");
  expect(added.runs()).toEqual(["1.0.0"]);
});
