import { expect, test } from "vitest";
import type { Evidence } from "../cause.ts";
import { type ERRORS, problemOf } from "../error.ts";
import { CAUSE_RULES, causesOf, causesOfProblem } from "./find-causes.ts";

const failed = (text: string, evidence: Evidence = {}) =>
  causesOf({
    kind: "failed",
    problem: problemOf("START_FAILED", { exit: "exit code 1" }),
    output: { head: text, gapBytes: 0, tail: "" },
    exitCode: 1,
    evidence: { diskFreeBytes: 10 ** 12, ...evidence },
    elapsedMs: 1,
  }).map(({ code }) => code);

// Words of programs that are well, each close to those of one that is not.
test.each([
  "listening on 127.0.0.1:8080",
  "loaded settings: DATABASE_URL is set, LOG_LEVEL=info",
  "GET /missing 404 Not Found",
  "user 12 not found, creating it",
  "Required HTTP version is 1.1",
  "No JSON body in request",
  "missing parameter: page",
  "retrying the connection in 5 s",
  "connected to db:5432",
  "0 errors, 0 warnings",
  "heap: 12 MB used, 80 MB free",
  "disk usage 40 %",
  "certificate is valid until 2030",
  "cannot find anything better to do",
  "migrated: table permission_denied_log created",
  "C:\\\\run\\\\app started",
  "shell: bash, editor: vi",
  "open files: 12 of 1024",
])("of an application that says %j and ends no cause is made up", (words) => {
  expect(failed(words)).toEqual([]);
});

test("what fits is told only where nothing better is known, and the surest comes first", () => {
  const evidence = { emptyParameters: ["LEVEL"], carriageReturns: ["a.properties"] };
  expect(failed("bye", evidence)).toEqual(["CARRIAGE_RETURN_IN_CONFIGURATION", "PARAMETER_EMPTY"]);
  expect(failed("Error: Cannot find module 'express'", evidence)).toEqual(["MODULE_MISSING"]);
  expect(failed("Error: Cannot find module 'express'", { ...evidence, otherArchitecture: "./run" })).toEqual([
    "WRONG_ARCHITECTURE",
    "MODULE_MISSING",
  ]);
});

test("a success has no cause, and a problem that tells its cause itself is the first of them", () => {
  expect(causesOf({ kind: "succeeded", facts: {}, elapsedMs: 1 })).toEqual([]);
  const full = problemOf("DISK_FULL", { freeBytes: 0, neededBytes: 10 });
  expect(causesOfProblem(full)).toEqual([
    { code: "DISK_FULL", certainty: "certain", title: full.title, remedy: full.remedy, line: null, facts: full.facts },
  ]);
});

test("of an agent that is gone, a host that went down and an operation before any release the cause is told", () => {
  const told = (code: keyof typeof ERRORS) => causesOfProblem(problemOf(code)).map((cause) => cause.code);
  expect(told("HOST_LOST")).toEqual(["AGENT_GONE"]);
  expect(told("HOST_RESTARTED")).toEqual(["HOST_RESTARTED"]);
  expect(told("SERVICE_NEVER_RELEASED")).toEqual(["SERVICE_NEVER_RELEASED"]);
});

test("a long line without an end costs no time that anybody would notice", () => {
  const began = process.cpuUsage().user;
  failed(`${"x:".repeat(4000)}\n`.repeat(2));
  failed(`${"sh: ".repeat(2000)}`);
  expect((process.cpuUsage().user - began) / 1000).toBeLessThan(500);
});

test("every rule names what is wrong and what to do, in whole sentences", () => {
  for (const { code, title, remedy } of CAUSE_RULES) {
    expect(code).toMatch(/^[A-Z][A-Z_]+$/);
    expect(`${code}: ${title}`).toMatch(/\.$/);
    expect(`${code}: ${remedy}`).toMatch(/\.$/);
  }
});
