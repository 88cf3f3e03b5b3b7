import { expect, test } from "vitest";
import { readMap, stagesOf } from "./maps.ts";
import type { MapTexts } from "./routing.ts";

const text = (...lines: string[]): string => lines.map((line) => `${line}\n`).join("");
const maps = (hosts: string[], paths: string[], wildcards: string[] = []): MapTexts => ({
  "hosts.map": text(...hosts.map((host) => `${host} ${host}`)),
  "paths.map": text(...paths),
  "wildcards.map": text(...wildcards),
});

test("nothing new takes no word", () => {
  expect(stagesOf(maps(["a"], ["a/ one"]), maps(["a"], ["a/ one"]))).toEqual([]);
});

test("paths alone are one step", () => {
  expect(stagesOf(maps(["a"], ["a/ one"]), maps(["a"], ["a/ two", "a/x/ one"]))).toEqual([
    ["paths.map", text("a/ two", "a/x/ one")],
  ]);
});

test("values of a rule are one step", () => {
  expect(stagesOf({ "svc-0.map": "ann 1\n" }, { "svc-0.map": "ben 1\n" })).toEqual([["svc-0.map", "ben 1\n"]]);
});

/** Where a request goes by these maps, as the configuration looks it up. */
function leads(by: MapTexts, host: string, path: string): string | undefined {
  const entries = (file: string): string[][] =>
    (by[file] ?? "").split("\n").flatMap((line) => (line === "" ? [] : [line.split(" ")]));
  const exact = entries("hosts.map").find(([key]) => key === host)?.[1];
  const found = exact ?? entries("wildcards.map").find(([key = ""]) => host.endsWith(key))?.[1] ?? "*";
  const fitting = entries("paths.map").filter(([key = ""]) => `${found}${path}`.startsWith(key));
  return fitting.toSorted(([one = ""], [other = ""]) => other.length - one.length)[0]?.[1];
}

const STAR = "*/ star";
const TABLES: readonly MapTexts[] = [
  maps([], [STAR]),
  maps(["a.b"], [STAR, "a.b/ one", "a.b/x/ two"]),
  maps(["a.b"], [STAR, "a.b/ three"]),
  maps([], [STAR, "*.b/ four"], [".b *.b"]),
  maps(["a.b", "c.b"], [STAR, "*.b/ four", "a.b/ one", "c.b/ two"], [".b *.b"]),
];

const REQUESTS = ["a.b", "c.b", "d.b", "e"].flatMap((host) => [
  [host, "/"],
  [host, "/x/"],
]) as [string, string][];
const PAIRS = TABLES.flatMap((before) => TABLES.map((after) => [before, after] as const));

test("on the way from any table to any other, every request goes by one of the two", () => {
  for (const [before, after] of PAIRS) {
    let now = before;
    for (const [file, content] of stagesOf(before, after)) {
      now = { ...now, [file]: content };
      for (const [host, path] of REQUESTS) {
        const allowed = [leads(before, host, path), leads(after, host, path)];
        expect(allowed, `${host}${path} behind ${file}`).toContain(leads(now, host, path));
      }
    }
    expect(now).toEqual(after);
  }
});

test("what HAProxy tells of a map is read", () => {
  expect(readMap("0x5581f0 a/ one\n0x5581f8 a;b 1\n\n")).toBe("a/ one\na;b 1\n");
});
