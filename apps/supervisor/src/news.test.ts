import { join } from "node:path";
import { expect, test } from "vitest";
import { printedNews } from "./news.ts";

const log = join(process.cwd(), "log/gateway.log");
const noon = () => new Date(2026, 0, 1, 12, 0, 0);
const death = { name: "gateway", ended: null, failures: 0, waitMs: 0, log } as const;

test("a part that dies is told with how it ended and where its log is, and again when it is back", () => {
  const lines: string[] = [];
  const news = printedNews((line) => lines.push(line), noon);
  news.died({ ...death, ended: { code: null, signal: "SIGKILL" } });
  news.back("gateway");
  news.back("gateway");
  news.died({ ...death, ended: { code: 3, signal: null }, waitMs: 3200, failures: 1, log: "/elsewhere/gateway.log" });
  expect(lines).toEqual([
    "12:00:00 gateway ended (SIGKILL); it is started again",
    "         see log/gateway.log",
    "12:00:00 gateway is back",
    "12:00:00 gateway ended (exit code 3); next start in 3 s",
    "         see /elsewhere/gateway.log",
  ]);
});

test("of a part that dies again and again fewer and fewer deaths are told", () => {
  const lines: string[] = [];
  const news = printedNews((line) => lines.push(line), noon);
  for (let failures = 1; failures <= 100; failures += 1) news.died({ ...death, failures, waitMs: 10_000 });
  const told = lines.filter((line) => !line.startsWith(" "));
  expect(told).toHaveLength(7);
  expect(told.at(-1)).toBe("12:00:00 gateway ended (how is not known), 64 times in a row; next start in 10 s");
});
