import type { Change } from "@evenkeel/contracts/change";
import { ChangeId, newId } from "@evenkeel/contracts/id";
import { ReleaseOrderSpec } from "@evenkeel/contracts/release-order";
import { Gray, SetTrafficRule } from "@evenkeel/contracts/traffic-rule";
import { afterEach, describe, expect, test } from "vitest";
import { renderTable } from "../route/index.ts";
import { Fleet } from "../slot/testing.ts";
import { empty, everywhere, hostNamed, old, planned, refused, spec } from "./testing.ts";

const groupsIn = (more: object, world = everywhere) =>
  planned(spec(more), world).groups.map(({ name, after, batches }) => [
    name,
    after.join(),
    batches.map(({ targetIds, gate }) => `${targetIds.join("+")}${gate === null ? "" : "!"}`).join(" "),
  ]);

describe("the plan of a gray release", () => {
  test("hosts come as the shares ask for them, and each share is a batch behind them", () => {
    expect(groupsIn({ gray: {} })).toEqual([
      ["shop", "", "local-1"],
      ["shop users 1, 5, 20 %", "shop", "shop 1 % shop 5 % shop 20 %"],
      ["shop 2", "shop users 1, 5, 20 %", "local-2"],
      ["shop users 50 %", "shop 2", "shop 50 %"],
      ["shop 3", "shop users 50 %", "local-3+local-4"],
      ["shop users 100 %", "shop 3", "shop 100 %"],
    ]);
  });

  test("confirmations stand before every batch but the first, beta hosts come first, the rest of the hosts at the end", () => {
    const strategy = { beta: ["local-4"], confirm: "each", batches: "each" };
    expect(groupsIn({ gray: { steps: [10, 30] }, strategy })).toEqual([
      ["shop", "", "local-4"],
      ["shop users 10 %", "shop", "shop 10 %!"],
      ["shop 2", "shop users 10 %", "local-1!"],
      ["shop users 30 %", "shop 2", "shop 30 %!"],
      ["shop 3", "shop users 30 %", "local-2! local-3!"],
    ]);
  });

  test("guards look at the hosts that the share goes to, against the others", () => {
    const plan = planned(spec({ gray: { steps: [50] } }), everywhere);
    const share = plan.targets.find(({ name }) => name === "shop 50 %");
    expect(share?.watched?.map(({ name, gains }) => [name, gains])).toEqual([
      ["local-1", true],
      ["local-2", true],
      ["local-3", false],
      ["local-4", false],
    ]);
  });

  test("its way back sends users to what stood before first, where half of the instances can carry them, and clears up last", () => {
    const share = SetTrafficRule.parse({
      ...{ name: "gray-shop", service: "shop", priority: 9000 },
      send: {
        to: [
          { to: { version: "2.0.0" }, percent: 50 },
          { to: { notVersion: "2.0.0" }, percent: 50 },
        ],
      },
    });
    const wayBack = (newOnes: number) => {
      const upstreams = everywhere.upstreams.map((one, index) =>
        index < newOnes ? { ...one, version: "2.0.0" } : one,
      );
      const restore = {
        ofChange: newId(ChangeId, "chg"),
        revisionId: old,
        targets: [{ hostId: hostNamed("local-1").id, revisionId: old }],
      };
      const order = ReleaseOrderSpec.parse({ application: "shop", restore });
      const { opening, closing } = planned(order, { ...everywhere, upstreams, rules: [share] });
      return [opening, closing].map((steps) => steps.map(({ name }) => name));
    };
    expect(wayBack(2)).toEqual([
      ["prepare-release", "users-back"],
      ["end-gray", "settle-release"],
    ]);
    expect(wayBack(3)).toEqual([["prepare-release", "end-gray"], ["settle-release"]]);
  });

  test("two versions that stay side by side: no host beyond the share, and nothing is cleared up", () => {
    const gray = { steps: [10, 50], stay: true };
    expect(groupsIn({ gray })).toEqual([
      ["shop", "", "local-1"],
      ["shop users 10 %", "shop", "shop 10 %"],
      ["shop 2", "shop users 10 %", "local-2"],
      ["shop users 50 %", "shop 2", "shop 50 %"],
    ]);
    const { closing, targets } = planned(spec({ gray }), everywhere);
    expect(closing).toEqual([]);
    expect(targets.map(({ name }) => name)).toEqual(["local-1", "shop 10 %", "local-2", "shop 50 %"]);
    expect(Gray.safeParse({ stay: true }).success).toBe(false);
  });

  const blocking = SetTrafficRule.parse({ name: "all", service: "shop", send: { to: [{ to: {} }] } });
  test.each([
    ["the same version again", spec({ gray: {}, package: { version: "1.0.0" } }), everywhere, "STRATEGY_UNFIT"],
    ["zones side by side", spec({ gray: {}, parallel: "zone" }), everywhere, "STRATEGY_UNFIT"],
    ["a beta host that is none", spec({ gray: {}, strategy: { beta: ["h9"] } }), everywhere, "STRATEGY_UNFIT"],
    ["a rule in its way", spec({ gray: {} }), { ...everywhere, rules: [blocking] }, "RULE_NEVER_MATCHES"],
    [
      "a pattern that explodes",
      spec({ gray: { match: [{ header: "x", regex: "(a+)+$" }] } }),
      everywhere,
      "RULE_REGEX_UNSAFE",
    ],
    ["a first release, which nobody has to be moved to", spec({ gray: {} }), empty, "planned"],
  ])("%s: %#", (...[, order, world, result]) => {
    const as = order as ReturnType<typeof spec>;
    const versioned =
      "package" in as && as.package.version === "1.0.0"
        ? { ...world, package: { ...empty.package!, version: "1.0.0" } }
        : world;
    expect(refused(as, versioned)).toBe(result);
  });
});

let fleet: Fleet;
afterEach(() => fleet?.close());

const routed = { definition: { start: "node server.js", health: { tcp: true }, routes: [{ host: "*", path: "/" }] } };

async function shares() {
  const { id } = await fleet.db.selectFrom("workspace").select("id").executeTakeFirstOrThrow();
  const [service] = (await renderTable(fleet.db, id)).services;
  return service?.rules.map(({ name, send }) => [
    name,
    ...(send?.ways.map(({ basisPoints }) => basisPoints / 100) ?? []),
  ]);
}

/** 1.0.0 on four hosts, and a gray release of 2.0.0 that waits before each share. */
async function begin(more: object = {}): Promise<Change> {
  fleet = await Fleet.start(["h1", "h2", "h3", "h4"]);
  await fleet.release("1.0.0", routed);
  const gray = { steps: [10, 50, 100], key: [{ cookie: "uid" }], ...more };
  const change = await fleet.planRelease("2.0.0", { ...routed, gray, strategy: { confirm: "each" } });
  await fleet.start(change.id);
  return await fleet.waitFor(change.id, "awaiting-confirmation");
}
const confirm = async (id: string, batchId: string) => {
  await fleet.call("POST", `/changes/${id}/confirm`, { batchIds: [batchId] });
  return await fleet.waitFor(id, "awaiting-confirmation", "succeeded");
};
const versions = () => fleet.hosts.map((host) => host.runs().join());

describe("a gray release on four hosts", () => {
  test("moves its users share by share beside its hosts, and leaves no rule behind", async () => {
    const { id } = await begin({ match: [{ header: "x-tester", present: true }], lane: "gray" });
    expect(versions()).toEqual(["2.0.0", "1.0.0", "1.0.0", "1.0.0"]);
    expect(await shares()).toEqual([
      ["gray-shop-match", 100],
      ["gray-shop", 0, 100],
    ]);
    const tried = (headers: object) =>
      fleet.call("POST", "/traffic-rules/match", { service: "shop", request: { headers } });
    expect((await tried({ "x-tester": "1" })).instances).toMatchObject([{ host: "h1", version: "2.0.0" }]);
    expect((await tried({ "x-tester": "1" })).lane).toBe("gray");
    expect((await tried({})).instances).toHaveLength(3);
    await confirm(id, "shop users 10 %/1");
    expect((await shares())?.[1]).toEqual(["gray-shop", 10, 90]);
    await confirm(id, "shop 2/1");
    expect(versions()).toEqual(["2.0.0", "2.0.0", "1.0.0", "1.0.0"]);
    await confirm(id, "shop users 50 %/1");
    expect((await shares())?.[1]).toEqual(["gray-shop", 50, 50]);
    await confirm(id, "shop 3/1");
    expect((await confirm(id, "shop users 100 %/1")).state).toBe("succeeded");
    expect(versions()).toEqual(["2.0.0", "2.0.0", "2.0.0", "2.0.0"]);
    expect(await shares()).toEqual([]);
  });

  test("is rolled back from the middle: users first, then the hosts, and no rule is left", async () => {
    const { id } = await begin();
    await confirm(id, "shop users 10 %/1");
    await fleet.call("POST", `/changes/${id}/rollback`, { speed: "fast", reason: "worse" });
    await fleet.waitFor(id, "rolled-back");
    expect(versions()).toEqual(["1.0.0", "1.0.0", "1.0.0", "1.0.0"]);
    expect(await shares()).toEqual([]);
  });

  test("that was closed leaves its rules, and the next release takes them away", async () => {
    const { id } = await begin();
    await fleet.call("POST", `/changes/${id}/pause`, {}).catch(() => undefined);
    await fleet.call("POST", `/changes/${id}/close`, { reason: "enough" });
    await fleet.waitFor(id, "closed");
    expect(await shares()).toEqual([["gray-shop", 0, 100]]);
    await fleet.release("3.0.0", routed);
    expect(await shares()).toEqual([]);
  });

  test("that leaves two versions side by side: the service stays what it was, and its rollback takes the second one away", async () => {
    fleet = await Fleet.start(["h1", "h2", "h3", "h4"]);
    await fleet.release("1.0.0", routed);
    const gray = { steps: [20], stay: true, key: [{ cookie: "uid" }] };
    const { id } = await fleet.release("2.0.0", { ...routed, gray });
    expect(versions()).toEqual(["2.0.0", "1.0.0", "1.0.0", "1.0.0"]);
    expect(await shares()).toEqual([["gray-shop", 20, 80]]);
    expect((await fleet.service()).revision?.packageVersion).toBe("1.0.0");
    const back = await fleet.call("POST", `/changes/${id}/rollback`, { speed: "fast", reason: "A is better" });
    await fleet.start(back.id);
    await fleet.waitFor(back.id, "succeeded");
    expect([versions(), await shares()]).toEqual([Array(4).fill("1.0.0"), []]);
  });
});
