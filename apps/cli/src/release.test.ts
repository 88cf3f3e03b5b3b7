import { expect, test } from "vitest";
import { addressOf } from "./release.ts";

test.each([
  ["shop.localhost", "/", "http://127.0.0.1:7780", "http://shop.localhost:7780/"],
  ["*", "/api", "http://127.0.0.1:7780", "http://127.0.0.1:7780/api"],
  ["*", "/", null, "*/"],
])("a route for %s%s is asked at an address that there is", (...[host, path, gateway, address]) => {
  expect(addressOf({ host, path }, gateway)).toBe(address);
});
