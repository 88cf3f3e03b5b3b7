import type { VersionSample } from "@evenkeel/contracts/gateway-protocol";
import { expect, test } from "vitest";
import { linesOf } from "./traffic-lines.ts";

const sample = (version: string, second: number, [requests, failed = 0]: readonly number[]): VersionSample =>
  ({ version, at: new Date(1000 * second).toISOString(), requests, failed, p99Ms: 5 }) as VersionSample;

test("a second in which a version had no requests is a zero of its line", () => {
  const { times, requests, errors } = linesOf([sample("2.0.0", 11, [10, 1]), sample("1.0.0", 10, [20])]);
  expect(times).toEqual([10, 11]);
  expect(requests).toEqual([
    { name: "1.0.0", values: [20, 0] },
    { name: "2.0.0", values: [0, 10] },
  ]);
  expect(errors[1]?.values).toEqual([0, 10]);
});

test("a version that nobody asks any more does not keep the figures of its last second", () => {
  const { latest } = linesOf([sample("1.0.0", 10, [20]), sample("2.0.0", 11, [20]), sample("2.0.0", 14, [30])]);
  expect(latest).toMatchObject([
    { version: "1.0.0", requests: 0, failed: 0, p99Ms: null },
    { version: "2.0.0", requests: 30, p99Ms: 5 },
  ]);
});

test("without samples nothing is drawn", () => {
  expect(linesOf([])).toEqual({ times: [], requests: [], errors: [], latest: [] });
});
