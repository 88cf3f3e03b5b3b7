import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { CellId, newId, ServiceId, TrafficRuleId, WorkspaceId } from "@evenkeel/contracts/id";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Bed, startBed, value } from "./test-bed.ts";

const asked: unknown[] = [];
const rules: unknown[] = [];
const cells: unknown[] = [];
let bed: Bed;
beforeEach(async () => {
  asked.length = 0;
  rules.length = 0;
  cells.length = 0;
  bed = await startBed({
    "GET /me": () =>
      value({
        ...{ tenant: "default", may: ["*:*"] },
        principal: {
          id: "prn_0123456789abcdefghij",
          name: "admin",
          kind: "person",
          createdAt: "2026-01-01T00:00:00.000Z",
        },
      }),
    "GET /cells": () => value({ items: cells, nextCursor: null }),
    "GET /traffic-rules": () => value({ items: rules, nextCursor: null }),
    "POST /traffic-rules/match": ({ body }) => {
      asked.push(body);
      return value({
        ...{ rules: ["testers"], sentBy: "testers", lane: "gray", cell: null },
        instances: [{ instance: "i", host: "local-1", version: "2.0.0", zone: "a", cell: null }],
      });
    },
  });
  await bed.run(["login"]);
});
afterEach(() => bed.close());

test("a request that somebody thinks of is told its rules and where it would go", async () => {
  const body = '{"customer":{"tier":"gold"}}';
  const given = ["-H", "x-user: ann: b", "--path", "/a?b=1", "--body", body];
  const { code, stdout } = await bed.run(["traffic-rule", "match", "shop", ...given]);
  expect(code).toBe(0);
  const request = { headers: { "x-user": "ann: b" }, method: "GET", path: "/a?b=1", source: "127.0.0.1", body };
  expect(asked).toEqual([{ workspace: "local", service: "shop", request }]);
  expect(stdout).toMatch(/sent by\s+testers, in lane gray[\s\S]*local-1\s+2\.0\.0/);
});

test("without a rule the list says what holds then", async () => {
  expect((await bed.run(["traffic-rule", "list"])).stdout).toContain("every request may go to every instance");
});

test("cells are listed with their share of the users, whatever their weights add up to", async () => {
  const common = { workspaceId: newId(WorkspaceId, "wsp"), zones: ["a"], type: "unit", colour: null, failOver: null };
  for (const [name, weight, gray] of [
    ["blue", 5000, false],
    ["green", 2500, false],
    ["red", 2500, true],
  ] as const) {
    const at = "2026-01-01T00:00:00.000Z";
    const own = { id: newId(CellId, "cel"), name, weight, gray, away: false, version: 1, createdAt: at };
    cells.push({ ...common, ...own });
  }
  const { stdout } = await bed.run(["cell", "list"]);
  expect(stdout).toMatch(/blue .*66\.7 %[\s\S]*green .*33\.3 %[\s\S]*red .* 0 %/);
});

test("the list says of each share where it goes", async () => {
  const at = "2026-01-01T00:00:00.000Z";
  const to = [
    { to: { version: "2.0.0" }, percent: 20 },
    { to: { notVersion: "2.0.0", cell: "blue" }, percent: 80 },
  ];
  rules.push({
    ...{ id: newId(TrafficRuleId, "trl"), workspaceId: newId(WorkspaceId, "wsp"), workspace: "local" },
    ...{ serviceId: newId(ServiceId, "svc"), name: "share", service: "shop", priority: 1, match: [] },
    ...{ send: { to, key: [], fallback: "all" }, reason: "", version: 1, createdAt: at },
  });
  expect((await bed.run(["traffic-rule", "list"])).stdout).toContain("send 20 % 2.0.0, 80 % not 2.0.0 cell blue");
});

test.each([
  [["traffic-rule", "set", "nothing.yaml"], "FILE_UNUSABLE"],
  [["traffic-rule", "set", "wrong.yaml"], "TRAFFIC_FILE_INVALID"],
  [["traffic-rule", "remove", "a", "--steps", "1"], "USAGE_WRONG"],
  [["traffic-rule", "set", "right.yaml", "--steps", "5,many"], "INPUT_INVALID"],
  [["cell", "switch", "blue"], "INPUT_INVALID"],
  [["cell", "create", "blue"], "INPUT_INVALID"],
])("%j is refused as %s", async (args, expected) => {
  const at = args[2] ?? "";
  const text = at === "wrong.yaml" ? "put: [{ name: a, service: shop, sent: {} }]" : "remove: [a]";
  if (at.endsWith(".yaml") && at !== "nothing.yaml") writeFileSync(join(bed.folder, at), text);
  const { code, stderr } = await bed.run(args);
  expect(code).toBeGreaterThan(0);
  expect(stderr).toContain(expected);
});
