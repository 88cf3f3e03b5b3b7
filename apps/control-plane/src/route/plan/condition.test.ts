import { compileCondition } from "@evenkeel/contracts/traffic/condition";
import { Condition } from "@evenkeel/contracts/traffic-rule";
import { expect, test } from "vitest";
import { compileConditions } from "./condition.ts";

const bytes = (text: string): string => Buffer.from(text).toString("latin1");

test.each([
  ["a header as its bytes", { header: "x-name" }, bytes("张三"), true],
  ["a cookie as its bytes", { cookie: "name" }, bytes("张三"), true],
  ["a cookie percent-encoded", { cookie: "name" }, "%E5%BC%A0%E4%B8%89", true],
  ["a query percent-encoded", { query: "name" }, "%E5%BC%A0%E4%B8%89", true],
  ["another name", { header: "x-name" }, bytes("张四"), false],
])("a value that is not ASCII fits %s: %j", (...[, field, sent, fits]) => {
  const [condition] = compileConditions("one", [Condition.parse({ ...field, exact: "张三" })]);
  const read = () => sent;
  const view = {
    path: "/",
    method: "GET",
    source: "",
    lane: undefined,
    header: read,
    cookie: read,
    query: read,
    body: read,
  };
  expect(condition && compileCondition(condition)(view)).toBe(fits);
});

test("a path in the body is a field by its name", () => {
  expect(compileConditions("one", [Condition.parse({ body: "customer.tier", in: ["gold", "张三"] })])).toEqual([
    { field: "body", name: "customer.tier", not: false, test: { kind: "in", values: ["gold", "张三"] } },
  ]);
});
