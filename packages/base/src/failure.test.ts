import { createRequire } from "node:module";
import { expect, test } from "vitest";
import { sentenceOf } from "./failure.ts";
import { shareLibraries } from "./inline/require.ts";

test("what a module threw is one line; one that was interrupted is told what it did, not by which signal", () => {
  expect(sentenceOf(new Error("no stock"))).toBe("no stock");
  expect(sentenceOf(new TypeError(""))).toBe("TypeError");
  expect(sentenceOf("plain")).toBe("plain");
  expect(sentenceOf(Object.create(null))).toBe("something that cannot be shown");
  const interrupted = new Error("Script execution was interrupted by `SIGINT`");
  expect(sentenceOf(Object.assign(interrupted, { code: "ERR_SCRIPT_EXECUTION_INTERRUPTED" }))).toBe(
    "it held the event loop, and was interrupted",
  );
});

test("a base that shares what is not installed beside it says so", () => {
  const require = createRequire(import.meta.url);
  expect(() => shareLibraries(require, ["no-such-library"])).toThrow(
    "The base shares no-such-library, which is not installed beside it.",
  );
});
