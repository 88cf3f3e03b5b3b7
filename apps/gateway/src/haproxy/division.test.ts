import { newId, ServiceId } from "@evenkeel/contracts/id";
import { RouteTable, type TableRule } from "@evenkeel/contracts/route-table";
import { TrafficPolicy } from "@evenkeel/contracts/traffic-rule";
import { expect, test } from "vitest";
import { divide } from "./division.ts";

const serviceId = newId(ServiceId, "svc");
type Condition = TableRule["conditions"][number];

const on = (field: Condition["field"], name: string, test: Condition["test"]): Condition => ({
  ...{ field, name, test, not: false },
});
const among = (...values: string[]) => ({ kind: "in" as const, values });
const begins = (prefix: string) => ({ kind: "prefix" as const, prefix });
const rule = (...conditions: Condition[]): TableRule => ({
  ...{ name: "r", conditions, send: null, mirror: null, fault: null, rateLimit: null, concurrency: null },
});

function divided(given: object, whole: object = {}) {
  const service = { serviceId, name: "shop", parkMs: 0, upstreams: [], ...given };
  const frame = { workspaceId: "wsp_00000000000000000000", epoch: 1, version: 1, routes: [] };
  const table = RouteTable.parse({ ...frame, services: [service], ...whole });
  const [first] = table.services;
  if (first === undefined) throw new Error("no service");
  return divide(first, table);
}

test("nothing to decide: HAProxy serves it alone", () => {
  expect(divided({})).toEqual({ kind: "plain" });
});

test.each([
  ["a policy", { policy: TrafficPolicy.parse({ zoneFirst: true }) }, {}],
  ["a home in cells", { home: { chain: ["all"], cells: [{ cell: "blue", chain: ["c"] }] } }, {}],
  ["cells at the entry", {}, { entry: { key: [], cells: [{ cell: "blue", basisPoints: 10_000 }] } }],
  ["callers with a cell", {}, { callers: [{ address: "10.0.0.1", cell: "blue" }] }],
  ["a rule for every request", { rules: [rule()] }, {}],
  ["a rule for all but some", { rules: [rule({ ...on("header", "x-a", among("1")), not: true })] }, {}],
  ["a share", { rules: [rule(on("header", "x-a", { kind: "percent", salt: "s", basisPoints: 1 }))] }, {}],
  ["one that names values beside one that does not", { rules: [rule(on("path", "", among("/a"))), rule()] }, {}],
  ["an address", { rules: [rule(on("source", "", among("10.0.0.1")))] }, {}],
  ["paths that no map can hold", { rules: [rule(on("path", "", among("/a b")))] }, {}],
])("%s: the gateway's process decides on every request", (_, given, whole) => {
  expect(divided(given, whole)).toEqual({ kind: "own" });
});

test.each([
  ["header", "x-user", among("ann"), `{ req.fhdr(x-user,1),map_str(${serviceId}-0.map) -m found }`],
  ["header", "x-user", among("ann b"), "{ req.fhdr(x-user) -m found }"],
  ["header", "x-user", among("#1"), "{ req.fhdr(x-user) -m found }"],
  ["path", "", among("/a"), `{ path,map_str(${serviceId}-0.map) -m found }`],
  ["path", "", begins("/a"), `{ path,map_beg(${serviceId}-0.map) -m found }`],
  ["cookie", "uid", among("1"), "{ req.cook(uid) -m found }"],
  ["query", "q", among("1"), "{ url_param(q) -m found }"],
  ["lane", "", among("gray"), "{ req.hdr(baggage) -m found }"],
] as const)("values of %s %s are looked for", (...[field, name, values, look]) => {
  expect(divided({ rules: [rule(on(field, name, values))] })).toMatchObject({ kind: "looked-at", looks: [look] });
});

test("two hundred rules on one header are one look", () => {
  const rules = Array.from({ length: 200 }, (_, index) => rule(on("header", "x-user", among(`user-${index}`))));
  const division = divided({ rules });
  expect(division.kind === "looked-at" && division.looks.length).toBe(1);
  expect(division.kind === "looked-at" && division.files[`${serviceId}-0.map`]?.split("\n").length).toBe(201);
});
