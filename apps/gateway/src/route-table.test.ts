import { expect, test } from "vitest";
import { compareTables, compileRoutes } from "./route-table.ts";

const match = compileRoutes(
  [
    ["shop.example.org", "/"],
    ["shop.example.org", "/api"],
    ["shop.example.org", "/api/v2/"],
    ["only-api.example.org", "/api"],
    ["*.example.org", "/"],
    ["*.deep.example.org", "/"],
    ["*", "/status"],
  ].map(([host = "", path = ""]) => ({ host, path, target: `${host}${path}` })),
);

test.each([
  ["shop.example.org", "/", "shop.example.org/"],
  ["SHOP.Example.ORG:7780", "/x", "shop.example.org/"],
  ["shop.example.org.", "/x?y=/api", "shop.example.org/"],
  ["shop.example.org", "/api", "shop.example.org/api"],
  ["shop.example.org", "/api?q=1", "shop.example.org/api"],
  ["shop.example.org", "/api/", "shop.example.org/api"],
  ["shop.example.org", "/apis", "shop.example.org/"],
  ["shop.example.org", "/api/v2", "shop.example.org/api/v2/"],
  ["shop.example.org", "/api/v2/orders", "shop.example.org/api/v2/"],
  ["shop.example.org", "/api/v20", "shop.example.org/api"],
  ["other.example.org", "/", "*.example.org/"],
  ["a.b.example.org", "/", "*.example.org/"],
  ["a.deep.example.org", "/", "*.deep.example.org/"],
  ["deep.example.org", "/", "*.example.org/"],
  ["only-api.example.org", "/x", "*.example.org/"],
  ["example.org", "/status/now", "*/status"],
  ["", "/status", "*/status"],
  ["[::1]:7780", "/status", "*/status"],
  ["example.org", "/", null],
  ["", "/", null],
])("a request for %s%s goes to %s", (host, path, target) => {
  expect(match(host, path)).toBe(target);
});

test("more hosts than are remembered are still routed", () => {
  for (let index = 0; index < 5000; index += 1) expect(match(`h${index}.example.org`, "/")).toBe("*.example.org/");
});

test("a table of a higher epoch is newer whatever its version", () => {
  expect(compareTables({ epoch: 2, version: 1 }, { epoch: 1, version: 9 })).toBeGreaterThan(0);
  expect(compareTables({ epoch: 1, version: 8 }, { epoch: 1, version: 9 })).toBeLessThan(0);
  expect(compareTables({ epoch: 1, version: 9 }, { epoch: 1, version: 9 })).toBe(0);
});
