import type { Change } from "@evenkeel/contracts/change";
import { CONVERGENCE } from "@evenkeel/contracts/convergence";
import { problemOf } from "@evenkeel/contracts/error";
import { afterEach, expect, test } from "vitest";
import { until } from "../link/testing.ts";
import { Fleet, type FleetHost } from "../slot/testing.ts";

let fleet: Fleet;
afterEach(() => fleet.close());

const states = (changes: readonly Change[]) => changes.map(({ state }) => state);
const converged = async (count: number) =>
  await until(async () => {
    const all = await fleet.changesOf(CONVERGENCE);
    return states(all).filter((state) => state === "succeeded").length === count ? all : null;
  });

/** Stops the first start of an instance on this host until it is let go. */
function holdStart(host: string) {
  const reached = Promise.withResolvers<void>();
  const letGo = Promise.withResolvers<void>();
  fleet.interfere = async (name, { type }) => {
    if (name !== host || type !== "start-instance") return null;
    reached.resolve();
    await letGo.promise;
    return null;
  };
  return { reached: reached.promise, letGo: letGo.resolve };
}

test("a host that was away during a release is listed, and gets the revision by a change of its own when it returns", async () => {
  fleet = await Fleet.start(["h1", "h2", "h3"]);
  const [, , third] = fleet.hosts as [FleetHost, FleetHost, FleetHost];
  await fleet.release("1.0.0");
  await third.cut();
  const second = await fleet.release("2.0.0");
  expect(second.targets).toMatchObject({ total: 3, succeeded: 2, offline: 1 });
  expect(third.runs()).toEqual(["1.0.0"]);
  const { items: findings } = await fleet.call("GET", "/doctor");
  expect(findings).toContainEqual(
    expect.objectContaining({ problem: expect.objectContaining({ code: "HOST_BEHIND" }) }),
  );

  await third.connect();
  const [change] = await converged(1);
  expect(change).toMatchObject({
    createdBy: "evenkeel",
    title: "shop: h3 converges to 2.0.0",
    reason: "the host was away",
  });
  expect(third.runs()).toEqual(["2.0.0"]);
  // Nothing is owed any more: a host that comes and goes is left alone.
  await until(async () => (await fleet.db.selectFrom("owed_slot").selectAll().execute()).length === 0);
  // The release may still be rolled back: a convergence is not newer than what it follows.
  expect((await fleet.call("GET", `/changes/${second.id}`)).allowedActions).toContain("rollback");
});

test("one that returns while another release runs waits for the service, and the newest wins", async () => {
  fleet = await Fleet.start(["h1", "h2"]);
  const [, second] = fleet.hosts as [FleetHost, FleetHost];
  await fleet.release("1.0.0");
  await second.cut();
  await fleet.release("2.0.0");
  const third = await fleet.planRelease("3.0.0");
  const held = holdStart("h1");
  await fleet.start(third.id);
  await held.reached;
  await second.connect();
  const [waiting] = await until(async () => {
    const all = await fleet.changesOf(CONVERGENCE);
    return all[0]?.state === "scheduled" ? all : null;
  });
  expect(waiting).toMatchObject({
    title: "shop: h2 converges to 2.0.0",
    waitingFor: expect.stringContaining(third.id),
  });
  held.letGo();
  await fleet.waitFor(third.id, "succeeded");
  const all = await converged(1);
  expect(all.map(({ title, state }) => `${title} ${state}`)).toEqual([
    "shop: h2 converges to 2.0.0 expired",
    "shop: h2 converges to 3.0.0 succeeded",
  ]);
  expect(second.runs()).toEqual(["3.0.0"]);
});

test("a host lost in the middle of its batch goes back by a convergence after the rollback", async () => {
  fleet = await Fleet.start(["h1", "h2"]);
  const [first, second] = fleet.hosts as [FleetHost, FleetHost];
  await fleet.release("1.0.0");
  const held = holdStart("h2");
  const release = await fleet.planRelease("2.0.0", { strategy: { batches: "each" } });
  await fleet.start(release.id);
  await held.reached;
  await second.cut();
  await fleet.waitFor(release.id, "failed");
  await fleet.call("POST", `/changes/${release.id}/rollback`, { speed: "fast", reason: "h2 is gone" });
  await fleet.waitFor(release.id, "rolled-back");
  expect(first.runs()).toEqual(["1.0.0"]);
  held.letGo();
  await second.connect();
  await converged(1);
  expect(second.runs()).toEqual(["1.0.0"]);
});

test("a convergence that fails is closed, does not keep the next release out, and is tried again at the next return", async () => {
  fleet = await Fleet.start(["h1", "h2"]);
  const [, second] = fleet.hosts as [FleetHost, FleetHost];
  await fleet.release("1.0.0");
  await second.cut();
  await fleet.release("2.0.0");
  fleet.interfere = (host, { type }) =>
    host === "h2" && type === "stage-revision"
      ? { kind: "failed", problem: problemOf("DISK_FULL", { freeBytes: 1, neededBytes: 2 }), elapsedMs: 1 }
      : null;
  await second.connect();
  await until(async () => states(await fleet.changesOf(CONVERGENCE))[0] === "closed");
  expect((await fleet.call("GET", "/locks")).items).toEqual([]);
  expect((await fleet.call("GET", "/doctor")).items).toContainEqual(
    expect.objectContaining({ severity: "warning", actions: expect.arrayContaining(["converge shop --host h2"]) }),
  );
  fleet.interfere = () => null;
  await second.cut();
  await second.connect();
  expect(states(await converged(1))).toEqual(["closed", "succeeded"]);
});

test("what was taken offline while its host was away is stopped when it returns", async () => {
  fleet = await Fleet.start(["h1", "h2"]);
  const [, second] = fleet.hosts as [FleetHost, FleetHost];
  await fleet.release("1.0.0");
  await second.cut();
  const { id } = await fleet.create("operation-order", { service: "shop", operation: "offline" });
  await fleet.start(id);
  await fleet.waitFor(id, "succeeded");
  await second.connect();
  await converged(1);
  expect(second.runs()).toEqual([]);
});
