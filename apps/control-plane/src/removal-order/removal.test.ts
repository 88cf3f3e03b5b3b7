import { REMOVAL_ORDER } from "@evenkeel/contracts/removal-order";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Fleet, type FleetHost } from "../slot/testing.ts";

let fleet: Fleet;
beforeAll(async () => {
  fleet = await Fleet.start(["h1", "h2"]);
});
afterAll(() => fleet.close());

const remove = () => fleet.create(REMOVAL_ORDER, { service: "shop" });

test("a service goes with all that is its own, which the plan has listed; it can be released anew", async () => {
  const [first, second] = fleet.hosts as [FleetHost, FleetHost];
  await expect(remove()).rejects.toMatchObject({ code: "NOT_FOUND" });
  await fleet.release("1.0.0");
  const { plan } = await fleet.call("POST", "/changes/plan", { kind: REMOVAL_ORDER, spec: { service: "shop" } });
  expect(plan.differences).toEqual([
    { field: "instance", from: "h1", to: null },
    { field: "instance", from: "h2", to: null },
    { field: "revisions", from: "1", to: null },
    { field: "parameters", from: "version 1", to: null },
  ]);
  expect(plan.irreversible).toContain("revisions and parameters go");

  await second.cut();
  await expect(remove()).rejects.toMatchObject({ code: "SERVICE_OUT_OF_REACH" });
  await second.connect();

  const { id } = await remove();
  await fleet.start(id);
  await fleet.waitFor(id, "succeeded");
  expect([first.runs(), second.runs()]).toEqual([[], []]);
  expect((await fleet.call("GET", "/services")).items).toEqual([]);
  expect((await fleet.call("GET", "/locks")).items).toEqual([]);
  await fleet.release("2.0.0");
  expect([first.runs(), second.runs()]).toEqual([["2.0.0"], ["2.0.0"]]);
});
