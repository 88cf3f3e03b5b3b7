import type { Change } from "@evenkeel/contracts/change";
import type { Cell } from "@evenkeel/contracts/workspace";
import { afterEach, expect, test } from "vitest";
import { until } from "../../link/testing.ts";
import { Fleet } from "../../slot/testing.ts";

let fleet: Fleet;
afterEach(() => fleet?.close());

const routed = { definition: { start: "node server.js", health: { tcp: true }, routes: [{ host: "*", path: "/" }] } };
const trial = { match: [{ header: "x-trial", present: true }] };

/** 1.0.0 on two hosts of blue and two of green, and all users in blue. */
async function twoCells(): Promise<void> {
  fleet = await Fleet.start(["h1", "h2", "h3", "h4"]);
  for (const name of ["blue", "green"]) await fleet.call("POST", "/cells", { workspace: "local", name, zones: ["a"] });
  await fleet.release("1.0.0", routed);
  const hosts = fleet.hosts.map(({ name }, index) => ({ host: name, cell: index < 2 ? "blue" : "green" }));
  const { id } = await fleet.create("route-change", { hosts, cells: [{ cell: "blue", weight: 100 }] });
  await fleet.start(id);
  await fleet.waitFor(id, "succeeded");
}

const versions = () => fleet.hosts.map((host) => host.runs().join());
async function weights(): Promise<Record<string, number>> {
  const { items } = await fleet.call("GET", "/cells?workspace=local");
  const total = (items as Cell[]).reduce((sum, { weight }) => sum + weight, 0);
  return Object.fromEntries((items as Cell[]).map(({ name, weight }) => [name, (100 * weight) / total]));
}
const rules = async () => (await fleet.call("GET", "/traffic-rules")).items.map(({ name }: { name: string }) => name);

async function begin(version: string, blueGreen: object, confirm = "each"): Promise<Change> {
  const { id } = await fleet.planRelease(version, { ...routed, blueGreen, strategy: { confirm } });
  return await fleet.start(id);
}
const confirm = async (id: string, batchId: string) => {
  await fleet.call("POST", `/changes/${id}/confirm`, { batchIds: [batchId] });
};
const waiting = (id: string) => fleet.waitFor(id, "awaiting-confirmation");
const lastBatch = ({ groups }: Change) => groups.at(-1)?.batches[0];
/** All users are in the new cell, and the time of the old one runs. */
const kept = (id: string) =>
  until(async () => lastBatch(await fleet.call("GET", `/changes/${id}`))?.bakesUntil != null);
const tried = async (headers: object) => {
  const request = { service: "shop", request: { headers } };
  const { instances } = await fleet.call("POST", "/traffic-rules/match", request);
  return instances.map(({ version }: { version: string }) => version);
};

test("the idle cell is released and tried, users are switched by steps, and while the old cell is kept one action brings them back without a start", async () => {
  await twoCells();
  const { id } = await begin("2.0.0", { trial, steps: [50, 100], keepOldSeconds: 86_400 });
  await waiting(id);
  expect(versions()).toEqual(["1.0.0", "1.0.0", "2.0.0", "2.0.0"]);
  expect(await tried({ "x-trial": "1" })).toEqual(["1.0.0", "1.0.0"]);
  await confirm(id, "trial in green/1");
  await until(async () => (await rules()).length === 1);
  expect(await tried({ "x-trial": "1" })).toEqual(["2.0.0", "2.0.0"]);
  expect(await weights()).toEqual({ blue: 100, green: 0 });
  await waiting(id);
  await confirm(id, "switch to green/1");
  await until(async () => (await weights()).green === 50);
  await waiting(id);
  await confirm(id, "keep blue/1");
  await kept(id);
  expect([await weights(), await rules()]).toEqual([{ blue: 0, green: 100 }, []]);

  await fleet.call("POST", `/changes/${id}/pause`, {});
  expect(lastBatch(await fleet.waitFor(id, "paused"))).toMatchObject({ state: "baking", bakesUntil: null });
  await fleet.call("POST", `/changes/${id}/resume`, {});
  await kept(id);

  const sent: string[] = [];
  let startedBefore: Record<string, number> | null = null;
  fleet.interfere = async (host, { type }) => {
    sent.push(`${type} ${host}`);
    if (type === "start-instance") startedBefore ??= await weights();
    return null;
  };
  const back = await fleet.call("POST", `/changes/${id}/rollback`, { speed: "fast", reason: "worse" });
  await fleet.waitFor(id, "rolled-back");
  expect(back.id).toBe(id);
  expect([await weights(), await rules(), versions()]).toEqual([{ blue: 100, green: 0 }, [], Array(4).fill("1.0.0")]);
  // What serves them never stopped; only the cell that they have left gets back what it had, and after they have.
  expect(sent.filter((one) => /h1|h2/.test(one))).toEqual([]);
  expect(startedBefore).toEqual({ blue: 100, green: 0 });
  expect((await fleet.service()).revision?.packageVersion).toBe("1.0.0");
});

test("when its time is over the release has succeeded, the old cell is the next idle one, and a rollback still brings users back", async () => {
  await twoCells();
  const first = await begin("2.0.0", { steps: [100], keepOldSeconds: 0 }, "none");
  await fleet.waitFor(first.id, "succeeded");
  expect([await weights(), versions()]).toEqual([{ blue: 0, green: 100 }, ["1.0.0", "1.0.0", "2.0.0", "2.0.0"]]);
  const second = await begin("3.0.0", { steps: [100], keepOldSeconds: 0 }, "none");
  await fleet.waitFor(second.id, "succeeded");
  expect([await weights(), versions()]).toEqual([{ blue: 100, green: 0 }, ["3.0.0", "3.0.0", "2.0.0", "2.0.0"]]);
  await expect(fleet.call("POST", `/changes/${first.id}/rollback`, { speed: "fast", reason: "x" })).rejects.toThrow();
  const back = await fleet.call("POST", `/changes/${second.id}/rollback`, { speed: "fast", reason: "worse" });
  await fleet.start(back.id);
  await fleet.waitFor(back.id, "succeeded");
  expect([await weights(), versions()]).toEqual([{ blue: 0, green: 100 }, ["1.0.0", "1.0.0", "2.0.0", "2.0.0"]]);
  await expect(
    fleet.call("POST", `/changes/${back.id}/rollback`, { speed: "fast", reason: "x" }),
  ).rejects.toMatchObject({
    code: "ACTION_NOT_ALLOWED",
  });
});

test("that was closed on the way leaves its trial, and the next release takes it away", async () => {
  await twoCells();
  const { id } = await begin("2.0.0", { trial, steps: [50, 100] });
  await waiting(id);
  await confirm(id, "trial in green/1");
  await until(async () => (await rules()).length === 1);
  await waiting(id);
  await fleet.call("POST", `/changes/${id}/close`, { reason: "enough" });
  await fleet.waitFor(id, "closed");
  await fleet.release("3.0.0", routed);
  expect(await rules()).toEqual([]);
});

test("a switch of cells beside it waits for its end", async () => {
  await twoCells();
  const { id } = await begin("2.0.0", { keepOldSeconds: 86_400, steps: [100] }, "none");
  await kept(id);
  const other = await fleet.create("route-change", { cells: [{ cell: "blue", weight: 50 }] });
  await expect(fleet.start(other.id)).rejects.toMatchObject({ code: "LOCK_HELD" });
});
