import { expect, test } from "vitest";
import { FIRST_STRATEGY, orderOf } from "./wish.ts";

const service = { name: "shop", workspace: "local" } as never;
const standing = new Set(["h1", "h2"]);
const strategy = FIRST_STRATEGY;

test("without a choice of hosts an operation is meant for wherever it applies", () => {
  const order = orderOf({ service, operation: "restart", standing }, { hosts: [], strategy });
  expect(order).toMatchObject({
    service: "shop",
    operation: "restart",
    strategy: { batches: { by: "zone" }, beta: 0 },
  });
  expect(order).not.toHaveProperty("hosts");
  expect(orderOf({ service, operation: "offline", standing }, { hosts: ["h2"], strategy })).toMatchObject({
    hosts: ["h2"],
  });
});

test("to scale, chosen hosts on which it stands go and the others come; nobody chosen is no order yet", () => {
  const scale = { service, operation: "scale", standing } as const;
  expect(orderOf(scale, { hosts: ["h2", "h3"], strategy })).toMatchObject({ add: ["h3"], remove: ["h2"] });
  expect(orderOf(scale, { hosts: [], strategy })).toBeNull();
});
