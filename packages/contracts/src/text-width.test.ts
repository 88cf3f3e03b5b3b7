import { expect, test } from "vitest";
import { cutTo, padTo, shortenTo, textWidth } from "./text-width.ts";

test.each([
  ["host-1", 6],
  ["服务 a", 6],
  ["e\u0301te\u0301", 3],
  ["✔ ⠋ → …", 7],
  ["🚀", 2],
])("%s takes %i columns", (text, columns) => {
  expect(textWidth(text)).toBe(columns);
  expect(textWidth(padTo(text, 9))).toBe(9);
});

test.each([
  ["host-1", 6, "host-1"],
  ["ip-10-24-17-3.internal", 11, "ip-10…ernal"],
  ["支付服务器-17", 9, "支付…-17"],
  ["支付服务器", 4, "支…"],
  ["支付服务器", 1, "…"],
])("%s in %i columns is %s", (text, columns, short) => {
  expect(shortenTo(text, columns)).toBe(short);
  expect(textWidth(shortenTo(text, columns))).toBeLessThanOrEqual(columns);
});

test("half a wide character is none", () => {
  expect(cutTo("服务", 3)).toBe("服");
});
