import { Name } from "@evenkeel/contracts/id";
import { SetTrafficRule } from "@evenkeel/contracts/traffic-rule";
import { parse, stringify } from "yaml";

/** A rule as it stands in the editor: what a person has written so far, right or not. */
export type Draft = Readonly<Record<string, unknown>>;

export const FIRST_DRAFT: Draft = {
  name: "",
  service: "",
  priority: 1000,
  match: [],
  send: { to: [{ to: {}, percent: 100 }], fallback: "all" },
};

export const WHERES = ["header", "cookie", "query", "body", "path", "method", "source", "lane"] as const;
export const TESTS = ["exact", "in", "prefix", "regex", "percent", "present"] as const;
export type Where = (typeof WHERES)[number];
export type Test = (typeof TESTS)[number];

/** A condition as a line of the form. */
export interface ConditionLine {
  readonly where: Where;
  /** Of header, cookie, query and body. */
  readonly name: string;
  readonly test: Test;
  readonly value: string;
  readonly not: boolean;
}

export const FIRST_CONDITION: ConditionLine = { where: "header", name: "", test: "exact", value: "", not: false };
const NAMED = ["header", "cookie", "query", "body"] as const;
export const isNamed = (where: Where): boolean => NAMED.some((each) => each === where);

const record = (value: unknown): Draft => (typeof value === "object" && value !== null ? (value as Draft) : {});
const list = (value: unknown): readonly Draft[] => (Array.isArray(value) ? value.map(record) : []);
const text = (value: unknown): string => (typeof value === "string" || typeof value === "number" ? String(value) : "");

export function conditionsOf({ match }: Draft): ConditionLine[] {
  return list(match).map((condition) => {
    const named = NAMED.find((each) => condition[each] !== undefined);
    const where = named ?? WHERES.find((each) => each === condition.field) ?? "header";
    const test = TESTS.find((each) => condition[each] !== undefined) ?? "exact";
    const value = condition[test];
    return {
      ...{ where, test, name: named === undefined ? "" : text(condition[named]), not: condition.not === true },
      value: Array.isArray(value) ? value.map(text).join(", ") : text(value),
    };
  });
}

export function withConditions(draft: Draft, lines: readonly ConditionLine[]): Draft {
  const match = lines.map(({ where, name, test, value, not }) => ({
    ...(isNamed(where) ? { [where]: name } : { field: where }),
    [test]: wantedOf(test, value),
    ...(not ? { not } : {}),
  }));
  return { ...draft, match };
}

function wantedOf(test: Test, value: string): unknown {
  switch (test) {
    case "in":
      return words(value);
    case "percent":
      return Number(value);
    case "present":
      return true;
    default:
      return value;
  }
}

const words = (value: string): string[] =>
  value
    .split(",")
    .map((each) => each.trim())
    .filter((each) => each !== "");

export const PLACES = ["all", "version", "notVersion", "cell", "hosts", "baseCluster"] as const;
export type Place = (typeof PLACES)[number];

/** A destination as a line of the form. */
export interface DestinationLine {
  readonly place: Place;
  readonly value: string;
  readonly percent: number;
  readonly lane: string;
  /** Names of more than one field at once are for the YAML. */
  readonly more: Draft;
}

export function destinationsOf({ send }: Draft): DestinationLine[] {
  return list(record(send).to).map(({ to, percent, lane }) => {
    const subset = record(to);
    const place = PLACES.find((each) => subset[each] !== undefined) ?? "all";
    const { [place]: value, ...more } = subset;
    const shown = Array.isArray(value) ? value.map(text).join(", ") : text(value);
    return { place, value: shown, percent: typeof percent === "number" ? percent : 100, lane: text(lane), more };
  });
}

export function withDestinations(draft: Draft, lines: readonly DestinationLine[]): Draft {
  const { send, ...rest } = draft;
  if (lines.length === 0) return rest;
  const to = lines.map(({ place, value, percent, lane, more }) => ({
    to: { ...more, ...(place === "all" ? {} : { [place]: place === "hosts" ? words(value) : value }) },
    percent,
    ...(lane === "" ? {} : { lane }),
  }));
  return { ...rest, send: { ...record(send), to } };
}

/** `cookie uid, header x-user` */
export const keyText = ({ send }: Draft): string =>
  list(record(send).key)
    .map((key) => Object.entries(key).map(([kind, name]) => `${kind} ${text(name)}`))
    .join(", ");

/** What users are known by, as it is typed: `cookie uid, header x-user`. */
export const keysIn = (typed: string): Draft[] =>
  words(typed).map((each) => {
    const [kind = "", name = ""] = each.split(/\s+/);
    return { [kind]: name };
  });

export const withKey = (draft: Draft, typed: string): Draft => ({
  ...draft,
  send: { ...record(draft.send), key: keysIn(typed) },
});

export const fallbackOf = ({ send }: Draft): string => text(record(send).fallback) || "all";
export const withFallback = (draft: Draft, fallback: string): Draft => ({
  ...draft,
  send: { ...record(draft.send), fallback },
});

/** A number within a part of the rule, such as `rateLimit.requests`; null = it is not there. */
export function numberIn(draft: Draft, [part, ...path]: readonly string[]): number | null {
  const value = path.reduce<unknown>((now, name) => record(now)[name], draft[part ?? ""]);
  return typeof value === "number" ? value : null;
}

/** Sets it; the whole part goes where it is taken away. */
export function withNumber(draft: Draft, path: readonly string[], value: number | null): Draft {
  const [first = "", ...rest] = path;
  if (value === null) {
    const { [first]: _, ...others } = draft;
    return others;
  }
  return { ...draft, [first]: rest.length === 0 ? value : withNumber(record(draft[first]), rest, value) };
}

/** What is wrong with a draft, by the field it is about; none = it is a rule. */
export function problemsOf(draft: Draft): readonly string[] {
  const { success, error } = SetTrafficRule.safeParse(draft);
  return success
    ? []
    : error.issues.map(({ path, message }) => (path.length === 0 ? message : `${path.join(".")}: ${message}`));
}

/** `1, 5, 20`; null = no such list. */
export function stepsOf(typed: string): number[] | null {
  const steps = words(typed.replaceAll("%", "")).map(Number);
  return steps.every((step) => Number.isFinite(step) && step >= 0 && step <= 100) ? steps : null;
}

/** The editor's text of a draft, and back; a text that is no mapping is an error that says where. */
export const yamlOf = (draft: Draft): string => stringify(draft);
export function draftOf(yaml: string): Draft {
  const value: unknown = parse(yaml);
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new Error("a mapping is wanted");
  return value as Draft;
}

/** Whether a person has said what it is called and of which service. */
export const isNamedDraft = ({ name, service }: Draft): boolean =>
  Name.safeParse(name).success && Name.safeParse(service).success;

/** What was written by the API, without what it adds. */
export function draftOfRule(rule: Readonly<Record<string, unknown>>): Draft {
  const own = Object.keys(SetTrafficRule.shape);
  return Object.fromEntries(Object.entries(rule).filter(([name, value]) => own.includes(name) && value !== undefined));
}
