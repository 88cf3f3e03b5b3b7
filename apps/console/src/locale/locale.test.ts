import { CAUSE_RULES } from "@evenkeel/contracts/cause/find-causes";
import { ERRORS, type ErrorCode } from "@evenkeel/contracts/error";
import { expect, test } from "vitest";
import { en } from "./en/index.ts";
import { wordsOf } from "./index.tsx";
import { sentenceOf } from "./problem.ts";
import { CAUSES } from "./zh/causes.ts";
import { zh } from "./zh/index.ts";
import { PROBLEMS } from "./zh/problems.ts";

const factsIn = (text: string): string[] =>
  [...new Set([...text.matchAll(/\{(\w+)[:}]/g)].map((match) => match[1] ?? ""))].sort();
const HAN = /\p{Script=Han}/u;
/** The same in every language. */
const NAMES = ["host.cpu", "chart.p99"];

test("both languages have the same keys, none of them empty", () => {
  expect(Object.keys(zh).sort()).toEqual(Object.keys(en).sort());
  expect(Object.entries({ ...en, ...zh }).filter(([, text]) => text.trim() === "")).toEqual([]);
});

test("what stands in the Chinese text is Chinese, and names the same facts", () => {
  const keys = Object.keys(en) as (keyof typeof en)[];
  expect(keys.filter((key) => !HAN.test(zh[key]) && !NAMES.includes(key))).toEqual([]);
  expect(keys.filter((key) => String(factsIn(en[key])) !== String(factsIn(zh[key])))).toEqual([]);
});

test("every error of the catalogue has its sentence in Chinese, with the same facts", () => {
  const codes = Object.keys(ERRORS) as ErrorCode[];
  expect(codes.filter((code) => PROBLEMS[code] === undefined)).toEqual([]);
  const differ = codes.filter((code) => {
    const { title, remedy } = ERRORS[code];
    return String(factsIn(title + remedy)) !== String(factsIn(PROBLEMS[code]?.join("") ?? ""));
  });
  expect(differ).toEqual([]);
});

test("every cause that is known has its sentence in Chinese", () => {
  const codes = [...new Set(CAUSE_RULES.map(({ code }) => code))];
  expect(codes.filter((code) => CAUSES[code] === undefined && PROBLEMS[code as ErrorCode] === undefined)).toEqual([]);
});

test("a problem is told in the person's language, with its facts", () => {
  const problem = {
    code: "PORT_TAKEN",
    title: "Port 80 …",
    remedy: "Stop …",
    facts: { port: 80, holder: "nginx" },
  } as const;
  expect(sentenceOf(problem, { language: "zh" }).title).toBe("端口 80 被 nginx 占用。");
  expect(sentenceOf(problem, { language: "en" }).title).toBe("Port 80 …");
});

test("numbers, durations and times are those of the language", () => {
  const [english, chinese] = [wordsOf("en", () => undefined), wordsOf("zh", () => undefined)];
  expect(english.t("batch.hosts", { count: 1 })).toBe("1 host");
  expect(english.t("batch.hosts", { count: 3 })).toBe("3 hosts");
  expect(chinese.t("batch.hosts", { count: 3 })).toBe("3 台服务器");
  expect([english.duration(900), english.duration(61_000), chinese.duration(3_720_000)]).toEqual([
    "900 ms",
    "1 min 1 s",
    "1 小时 2 分",
  ]);
  const now = Date.parse("2026-11-21T12:00:00Z");
  expect(english.ago("2026-11-21T11:57:00Z", now)).toBe("3 min ago");
  expect(chinese.ago("2026-11-21T11:57:00Z", now)).toBe("3分钟前");
});
