import { readdirSync, readFileSync } from "node:fs";
import { CAUSE_RULES } from "@evenkeel/contracts/cause/find-causes";
import { ERRORS, type ErrorCode, errorTitle, problemOf } from "@evenkeel/contracts/error";
import { PHRASES, type PhraseCode, phraseOf, say } from "@evenkeel/contracts/phrase";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { en } from "./en/index.ts";
import { wordsOf } from "./index.tsx";
import { sentenceOf } from "./problem.ts";
import { CAUSES } from "./zh/causes.ts";
import { zh } from "./zh/index.ts";
import { PHRASES_ZH } from "./zh/phrases.ts";
import { PROBLEMS } from "./zh/problems.ts";

const factsIn = (text: string): string[] =>
  [...new Set([...text.matchAll(/\{(\w+)[:}]/g)].map((match) => match[1] ?? ""))].sort();
const [englishWords, chineseWords] = [wordsOf("en", () => undefined), wordsOf("zh", () => undefined)];
const HAN = /\p{Script=Han}/u;
/** The same in every language. */
const NAMES = ["host.cpu", "chart.p99", "common.pair"];

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

test("every phrase of the platform has its Chinese words, with the same facts", () => {
  const codes = Object.keys(PHRASES) as PhraseCode[];
  const names = [
    "left.done",
    "left.at",
    "batch.part",
    "value.rule",
    "verdict.of",
    "verdict.megabytes",
    "label.moved",
    "verdict.memory",
    "drift.standing",
    "value.split",
    "listed.altered",
    "altered.and",
  ];
  expect(codes.filter((code) => !HAN.test(PHRASES_ZH[code]) && !names.includes(code))).toEqual([]);
  expect(codes.filter((code) => String(factsIn(PHRASES[code])) !== String(factsIn(PHRASES_ZH[code])))).toEqual([]);
});

test("what the built-in buildpacks say of themselves is known", () => {
  const folder = new URL("../../../../buildpacks/", import.meta.url);
  const said = readdirSync(folder).map(
    (name) =>
      (parse(readFileSync(new URL(`${name}/buildpack.yaml`, folder), "utf8")) as { description: string }).description,
  );
  expect(said.length).toBeGreaterThan(1);
  expect(said.filter((description) => phraseOf(description) === null)).toEqual([]);
});

test("a text of an answer is told in the person's language: lists, facts, and facts within facts", () => {
  const { said, step } = chineseWords;
  expect(said("shop: release 1.0.0, from blue to green")).toBe("shop：发布 1.0.0，从 blue 切换到 green");
  expect(said("beta", "batch")).toBe("先行批");
  expect(said("beta")).toBe("beta");
  expect(said("beta (2)", "batch")).toBe("先行批（2）");
  expect(said("traffic: set a; remove b")).toBe("流量：设置 a；移除 b");
  const sides = { side: "1.0.0 before", hits: 1, total: 200 };
  const others = `${say("verdict.of", sides)}, ${say("verdict.limit-percent", { percent: 2 })}; p < 0.001`;
  expect(said(say("verdict.failed", { side: "1.1.0", hits: 9, total: 60, share: 15, others }))).toBe(
    "1.1.0：60 个请求中失败 9 个（15 %），此前的 1.0.0：1 / 200，上限为 2 %；p < 0.001",
  );
  expect(said("100: header x-user exact ann → send 90 % to 1.0.0, 10 % to cell green; 5 at once", "value")).toBe(
    "100：header x-user exact ann → 发送 90 % 到 1.0.0，10 % 到 部署单元 green；同时 5 个请求",
  );
  expect(said("gray: 1.0.0 takes requests already: users go by versions")).toBe(
    "gray：1.0.0 已在承接请求：用户按版本划分",
  );
  expect([step("fetch-package"), step("install prices@1.0.0"), step("talk@1/talk")]).toEqual([
    "下载发布包",
    "安装 prices@1.0.0",
    "talk@1/talk",
  ]);
  expect(
    said("traffic: cells blue zones=b+a shared not-gray fail-over=green, green 0 away fail-over=none, red 100"),
  ).toBe("流量：部署单元 blue 可用区=b+a 共享单元 非灰度单元 后备单元=green，green 0 切走 无后备单元，red 100");
  expect(said("we look at it, all of us")).toBe("we look at it, all of us");
});

test("what is wrong with a request is told whole: fields, types and several at once", () => {
  const problem =
    "name: is missing; batches.size: Invalid input: expected number, received string; hosts: at most 20 tags";
  expect(sentenceOf(problemOf("INPUT_INVALID", { problem }), chineseWords).title).toBe(
    "输入无效：name：缺失；batches.size：输入无效：应为数字，实际为字符串；hosts：最多 20 个标签。",
  );
  expect(chineseWords.said("confirm: there is no batch 4 (there are beta, batch 2)")).toBe(
    "confirm：没有批次 4（现有 先行批，第 2 批）",
  );
  const unfit = problemOf("STRATEGY_UNFIT", { problem: `gray: ${say("why.shares-whole")}` });
  expect(sentenceOf(unfit, chineseWords).title).toBe("策略不适用：gray：份额针对整个服务；请去掉 `parallel`。");
});

test("what a scaling rule found is told with the words of the page", () => {
  const above = say("scaling.above", { metric: "cpu-percent", number: 81.5, limit: 80 });
  const why = say("scaling.not-before", {
    said: say("scaling.scale", { said: above, before: 2, wanted: 3 }),
    seconds: 40,
  });
  expect(chineseWords.said(why)).toBe("基座处理器占用（%）最低为 81.5，高于 80：2 → 3 个基座；40 秒之后才会执行");
});

test("who gets which share of a split is told rule by rule", () => {
  const shares = "66.7 % to 1.0.0, 33.3 % to the newest version";
  const rest = say("value.split-sticky", { whom: "all", shares, field: "header x-user" });
  expect(chineseWords.said(`caller = cart → 100 % to 1.1.0; ${rest}`, "value")).toBe(
    "caller = cart → 100 % 到 1.1.0；全部 → 66.7 % 到 1.0.0，33.3 % 到 最新版本，相同的 header x-user 始终得到相同的版本",
  );
  expect(chineseWords.said("route /prices", "field")).toBe("路由 /prices");
  expect(chineseWords.said("tier = gold → modules all that provide", "value")).toBe("tier = gold → 模块 所有提供者");
});

test("what may be done instead, what stands on a base and what is missing are told in the person's words", () => {
  const instead = {
    action: "retry",
    resource: "change chg_1",
    state: "running",
    allowed: ["pause (then retry)", "cancel"],
  };
  expect(sentenceOf(problemOf("ACTION_NOT_ALLOWED", instead), chineseWords)).toEqual({
    title: "变更单 chg_1 处于 执行中 时不能执行 重试。",
    remedy: "当前可执行：暂停（然后重试），取消变更。",
  });
  expect(chineseWords.said("1.0.0 published, 1.1.0 inactive by console", "drift")).toBe(
    "1.0.0（已发布），1.1.0（未激活，来自 console）",
  );
  const gone = { resource: "base-cluster shops in workspace prod" };
  expect(sentenceOf(problemOf("NOT_FOUND", gone), chineseWords).title).toContain("工作空间 prod 中的基座集群 shops");
  expect(
    sentenceOf(problemOf("SCRIPT_FAILED", { command: "setup", exit: "exit code 3" }), chineseWords).title,
  ).toContain("退出码 3");
});

test("facts of a problem are told with it, and moments in the person's zone", () => {
  const facts = { change: "shop: restart", state: "paused", waitingFor: "a person" };
  expect(sentenceOf(problemOf("CHANGE_WAITS", facts), chineseWords).title).toBe(
    "shop：重启 处于 已暂停，正在等待 人工处理。",
  );
  const held = { resource: "service shop", holder: "chg_1", since: "2026-11-21T11:57:00.000Z", why: "shop: restart" };
  const { title } = sentenceOf(problemOf("LOCK_HELD", held), englishWords);
  expect(title).toContain(englishWords.moment(held.since));
  expect(title).not.toContain(held.since);
  // A start that waits tells by the sentence alone what it waits for.
  expect(chineseWords.said(errorTitle("LOCK_HELD", held))).toMatch(/^服务 shop 自 .* 起被 chg_1 持有：shop：重启。$/);
});

test("a problem is told in the person's language, with its facts", () => {
  const problem = {
    code: "PORT_TAKEN",
    title: "Port 80 …",
    remedy: "Stop …",
    facts: { port: 80, holder: "nginx" },
  } as const;
  expect(sentenceOf(problem, chineseWords).title).toBe("端口 80 被 nginx 占用。");
  expect(sentenceOf(problem, englishWords).title).toBe(errorTitle("PORT_TAKEN", problem.facts));
});

test("numbers, durations and times are those of the language", () => {
  const [english, chinese] = [englishWords, chineseWords];
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
