import type { SplitRule } from "@evenkeel/contracts/module";
import { expect, test } from "vitest";
import { answering, BaseBed } from "../testing.ts";
import { pick, type Question } from "./pick.ts";

const nothing: Question = {
  caller: undefined,
  header: () => undefined,
  query: () => undefined,
  segment: () => undefined,
  body: () => undefined,
};
const three = ["3.0.0", "2.0.0", "1.0.0"].map((version) => ({ version, tags: {} }));
const shares: SplitRule = {
  on: { kind: "route", name: "/prices" },
  when: {},
  to: [
    { version: "1.0.0", tags: {}, weight: 80 },
    { version: "2.0.0", tags: {}, weight: 10 },
    { version: "3.0.0", tags: {}, weight: 10 },
  ],
  stickyOn: "",
};

test("three versions hold their shares of 10,000 to the percent", () => {
  const counts: Record<string, number> = {};
  for (let index = 0; index < 10_000; index += 1) {
    const chosen = pick({
      rules: [shares],
      candidates: three,
      question: nothing,
      chance: () => (index + 0.5) / 10_000,
    });
    counts[chosen?.version ?? ""] = (counts[chosen?.version ?? ""] ?? 0) + 1;
  }
  expect(counts).toEqual({ "1.0.0": 8000, "2.0.0": 1000, "3.0.0": 1000 });
});

test("a caller that sticks meets the same version each time, and shares hold to a percent", () => {
  const rules = [{ ...shares, stickyBy: "header" as const, stickyOn: "user" }];
  const versionOf = (user: string) =>
    pick({ rules, candidates: three, question: { ...nothing, header: () => user }, chance: () => 0 })?.version;
  const versions = Array.from({ length: 10_000 }, (_, index) => versionOf(`user ${index}`));
  expect(versions.map((_, index) => versionOf(`user ${index}`))).toEqual(versions);
  const gray = versions.filter((version) => version === "3.0.0").length;
  expect(Math.abs(gray - 1000)).toBeLessThan(100);
});

test("a share of a version that is not published goes to the others; no share at all to the newest", () => {
  const [, two] = three;
  const last = { rules: [shares], question: nothing, chance: () => 0.999 };
  expect(pick({ ...last, candidates: two ? [two] : [] })).toBe(two);
  const only = [{ ...shares, to: [{ version: "9.9.9", tags: {}, weight: 1 }] }];
  expect(pick({ ...last, rules: only, candidates: three })?.version).toBe("3.0.0");
  expect(pick({ ...last, rules: [shares], candidates: [] })).toBeUndefined();
});

test("requests are split by caller, header, query, path and a parameter of the body, which the module still reads whole", async () => {
  await using bed = await BaseBed.open();
  const prices = (version: string) => ({ name: "prices", version, provides: { routes: [{ path: "/prices" }] } });
  const echo = (word: string) => `exports.activate = () => ({ routes: async (request, response) => {
    let text = ""; for await (const chunk of request) text += chunk; response.end(${JSON.stringify(word)} + text); } });`;
  await bed.install(prices("1.0.0"), echo("one"));
  await bed.install(prices("2.0.0"), echo("two"), { replace: false, publish: { tags: { lane: "gray" } } });
  const on = { kind: "route" as const, name: "/prices" };
  const gray = { on, to: [{ tags: { lane: "gray" }, weight: 1 }], stickyOn: "" };
  await bed.base.perform("split", {
    operationId: "s",
    rules: [
      { ...gray, when: { caller: "cart" } },
      { ...gray, when: { header: { name: "X-Lane", equals: "gray" } } },
      { ...gray, when: { query: { name: "lane", equals: "gray" } } },
      { ...gray, when: { segment: { index: 1, equals: "gray" } } },
      { ...gray, when: { body: { path: "customer.tier", equals: "gold" } } },
      { on, when: {}, to: [{ version: "1.0.0", tags: {}, weight: 1 }], stickyOn: "" },
    ],
  });
  const ask = async (path: string, headers = {}) => (await bed.get(path, headers)).body;
  expect(await ask("/prices")).toBe("one");
  expect(await ask("/prices", { "x-evenkeel-caller": "cart" })).toBe("two");
  expect(await ask("/prices", { "x-lane": "gray" })).toBe("two");
  expect(await ask("/prices?lane=gray")).toBe("two");
  expect(await ask("/prices/gray")).toBe("two");
  const gold = JSON.stringify({ customer: { tier: "gold" } });
  expect((await bed.send({ path: "/prices", body: gold })).body).toBe(`two${gold}`);
  expect((await bed.send({ path: "/prices", body: "{}" })).body).toBe("one{}");
  expect((await bed.send({ path: "/prices", body: "no json" })).body).toBe("oneno json");
});

test("events reach each module once, jobs run while they are published", async () => {
  const seen: string[] = [];
  let runs = 0;
  const told = Promise.withResolvers<void>();
  const note = {
    version: "1.0.0",
    service: { say: (text: string) => void seen.push(text), ran: () => ++runs && told.resolve() },
  };
  await using bed = await BaseBed.open({ services: { note } });
  const provides = { events: ["paid"], jobs: [{ name: "sweep", everySeconds: 1 }] };
  const text = (word: string) => `exports.activate = ({ service }) => { const note = service("note");
    return { events: { paid: ({ id }) => note.say("${word} " + id) }, jobs: { sweep: () => note.ran() } }; };`;
  const mail = { name: "mail", version: "1.0.0", provides, needs: { services: { note: {} } } };
  await bed.install(mail, text("one"), { publish: null });
  await bed.base.emit("paid", { id: 1 });
  expect(seen).toEqual([]);
  await bed.base.perform("publish", { operationId: "p", name: "mail", version: "1.0.0", tags: {} });
  await bed.install({ ...mail, version: "1.1.0" }, text("two"), { replace: false });
  const other = { ...mail, name: "audit", provides: { events: ["paid"] } };
  await bed.install(other, "exports.activate = () => ({ events: { paid: () => { throw new Error('deaf'); } } });");
  await bed.base.emit("paid", { id: 2 });
  expect(seen).toEqual(["two 2"]);
  await told.promise;
});

test("a handler that fails after it began to answer cuts the answer instead of ending it as if it were whole", async () => {
  await using bed = await BaseBed.open();
  const half =
    "exports.activate = () => ({ routes: async (q, response) => { response.write('half'); await null; throw new Error('lost'); } });";
  await bed.install({ name: "half", version: "1.0.0", provides: { routes: [{ path: "/half" }] } }, half);
  await expect(bed.get("/half")).rejects.toThrow();
  await bed.install(
    { name: "whole", version: "1.0.0", provides: { routes: [{ path: "/whole" }] } },
    answering("whole"),
  );
  expect((await bed.get("/whole")).body).toBe("whole");
});
