import type { Diagnosis } from "@evenkeel/contracts/diagnosis";
import { problemOf } from "@evenkeel/contracts/error";
import { expect, test } from "vitest";
import { diagnosisLines, diagnosisReport } from "./diagnosis.ts";
import { plain } from "./line.ts";

const AT = "2026-11-21T12:00:00.000Z";
const told: Diagnosis = {
  subject: { kind: "service", id: "svc_00000000000000000001", name: "shop" },
  checkedAt: AT,
  verdict: "trouble",
  findings: [
    {
      severity: "error",
      resource: "service/shop",
      problem: problemOf("SERVICE_DOWN", { service: "shop" }),
      causes: [
        {
          code: "AFTER_CHANGE",
          certainty: "possible",
          title: "It began after “Release”.",
          remedy: "Compare.",
          line: null,
        },
      ],
      since: AT,
      actions: ["restart shop", "evenkeel host list"],
    },
  ],
  facts: [{ name: "version", value: "a|b" }],
  changes: [],
  logs: [{ host: "h1", of: "a", lines: ["one", "``` two", "````"] }],
  series: [{ name: "cpu", unit: "%", points: [0, 50, 100].map((value) => ({ at: AT, value })) }],
};

test("the report is one file with everything: what is wrong, why, the commands, measurements and last words", () => {
  const report = diagnosisReport(told);
  expect(report).toContain("# shop: something is wrong");
  expect(report).toContain("### ✖ No instance of shop is healthy and takes requests.");
  expect(report).toContain("→ It began after “Release”. Compare.");
  expect(report).toContain("evenkeel restart shop\nevenkeel host list");
  expect(report).toContain("- CPU 100 % (≤ 100 %) ▁▅█");
  expect(report).not.toContain("What changed it last");
});

test("what stands in a log or a value breaks neither fence nor table", () => {
  const report = diagnosisReport(told);
  expect(report).toContain("`````\none\n``` two\n````\n`````");
  expect(report).toContain("| version | a\\|b |");
});

test("a terminal gets the verdict first, then what is wrong with its cause", () => {
  const lines = diagnosisLines(told).map(plain);
  expect(lines[0]).toBe("✖ shop: something is wrong");
  expect(lines.join("\n")).toMatch(/No instance of shop.*\n.*\n\s*→ possibly: It began/);
});

test("where nothing was found the report says so", () => {
  const well = { ...told, verdict: "well" as const, findings: [], logs: [], facts: [], series: [] };
  expect(diagnosisReport(well)).toContain("Nothing was found.");
});
