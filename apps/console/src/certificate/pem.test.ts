import { expect, test } from "vitest";
import { toneOf, wholeDays } from "./expiry.ts";
import { countIn, pemOf, withText } from "./pem.ts";

const cert = (body: string) => `-----BEGIN CERTIFICATE-----\n${body}\n-----END CERTIFICATE-----`;
const key = (kind = "") => `-----BEGIN ${kind}PRIVATE KEY-----\nQUJD\n-----END ${kind}PRIVATE KEY-----`;

test("one file with everything in it fills both fields, whatever stands between", () => {
  const text = `Bag Attributes\n${key("RSA ")}\nsubject=CN\n${cert("one")}\nissuer=CN\n${cert("two")}\n`;
  expect(pemOf(text)).toEqual({ chain: `${cert("one")}\n${cert("two")}`, key: key("RSA ") });
  expect(countIn("chain", text)).toBe(2);
  expect(countIn("key", text)).toBe(1);
});

test("what is pasted into the wrong field goes where it belongs, and keeps what is there", () => {
  const first = withText({ chain: "", key: "" }, "key", cert("one"));
  expect(first).toEqual({ chain: cert("one"), key: "" });
  expect(withText(first, "chain", key("EC "))).toEqual({ chain: cert("one"), key: key("EC ") });
});

test("what is neither stays as it was typed, for the refusal to be about it", () => {
  expect(withText({ chain: cert("one"), key: "" }, "key", "ssh-rsa AAAA")).toEqual({
    chain: cert("one"),
    key: "ssh-rsa AAAA",
  });
  expect(countIn("key", "ssh-rsa AAAA")).toBe(0);
});

test.each([
  [-1, -1, "bad"],
  [0, 0, "bad"],
  [6.9, 6, "bad"],
  [7, 7, "warn"],
  [20.5, 20, "warn"],
  [21, 21, "good"],
])("a certificate that ends in %f days has %i whole ones left and is %s", (days, whole, tone) => {
  const now = Date.parse("2026-03-01T00:00:00Z");
  const left = wholeDays(new Date(now + days * 86_400_000).toISOString(), now);
  expect([left, toneOf(left)]).toEqual([whole, tone]);
});
