import type { Business, SplitCondition, SplitRule } from "@evenkeel/contracts/module";
import { SplitFile } from "@evenkeel/contracts/module-operation";
import { parse, stringify } from "yaml";
import { tagsOf, tagText } from "../module/fields.tsx";

/** Rules and businesses of a cluster as they stand in the editor. */
export interface Splits {
  readonly rules: readonly SplitRule[];
  readonly businesses: readonly Business[];
}

export const KINDS = ["route", "service", "event", "component", "snippet"] as const;
export const WHENS = ["caller", "header", "query", "segment", "body"] as const;
export type When = (typeof WHENS)[number];
export const STICKIES = ["none", "caller", "header", "query", "body"] as const;
export type Sticky = (typeof STICKIES)[number];

/** Who a rule is for, as a line of the form; `name` is that of the header or parameter, the number of the segment, or the path in the body. */
export interface WhenLine {
  readonly when: When;
  readonly name: string;
  readonly equals: string;
}

export function whensOf({ when }: SplitRule): WhenLine[] {
  const { caller, header, query, segment, body } = when;
  return [
    ...(caller === undefined ? [] : [{ when: "caller" as const, name: "", equals: caller }]),
    ...(header === undefined ? [] : [{ when: "header" as const, ...header }]),
    ...(query === undefined ? [] : [{ when: "query" as const, ...query }]),
    ...(segment === undefined
      ? []
      : [{ when: "segment" as const, name: String(segment.index), equals: segment.equals }]),
    ...(body === undefined ? [] : [{ when: "body" as const, name: body.path, equals: scalarText(body.equals) }]),
  ];
}

/** All of them must agree, and each place is named once: of two lines about one place the later counts. */
export function withWhens(rule: SplitRule, lines: readonly WhenLine[]): SplitRule {
  const when: SplitCondition = Object.assign({}, ...lines.map(conditionOf));
  return { ...rule, when };
}

function conditionOf({ when, name, equals }: WhenLine): SplitCondition {
  switch (when) {
    case "caller":
      return { caller: equals };
    case "header":
    case "query":
      return { [when]: { name, equals } };
    case "segment":
      return { segment: { index: Math.max(0, Math.trunc(Number(name)) || 0), equals } };
    case "body":
      return { body: { path: name, equals: scalarOf(equals) } };
  }
}

/** A place that no line is about yet. */
export const freeWhen = (lines: readonly WhenLine[]): When | null =>
  WHENS.find((each) => !lines.some(({ when }) => when === each)) ?? null;

type Scalar = string | number | boolean;

/** `gold`, `7`, `true`; a text that would read as something else stands in quotation marks. */
export const scalarText = (value: Scalar): string =>
  typeof value === "string" && typeof scalarOf(value) === "string" && !value.startsWith('"')
    ? value
    : JSON.stringify(value);

export function scalarOf(text: string): Scalar {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "number" || typeof value === "boolean" || typeof value === "string" ? value : text;
  } catch {
    return text;
  }
}

/** `tier=gold region=eu`, as people type it. */
export const whenText = (when: Business["when"]): string =>
  tagText(Object.fromEntries(Object.entries(when).map(([name, value]) => [name, scalarText(value)])));

export const whenOfText = (text: string): Business["when"] =>
  Object.fromEntries(Object.entries(tagsOf(text)).map(([name, value]) => [name, scalarOf(value)]));

/** A rule to begin with: some callers go to one version, or all are shared out among two. */
export function firstRule(form: "some" | "shares", on: SplitRule["on"], versions: readonly string[]): SplitRule {
  const [newest, other] = versions;
  const to = (version: string | undefined, weight: number) => ({
    ...(version === undefined ? {} : { version }),
    ...{ tags: {}, weight },
  });
  if (form === "some") {
    return { on, when: { header: { name: "x-gray", equals: "yes" } }, to: [to(newest, 1)], stickyOn: "" };
  }
  return { on, when: {}, to: [to(other ?? newest, 90), to(newest, 10)], stickyBy: "caller", stickyOn: "" };
}

/** What part each destination of a rule gets. */
export function partsOf({ to }: Pick<SplitRule, "to">): number[] {
  const sum = to.reduce((total, { weight }) => total + weight, 0);
  return to.map(({ weight }) => (sum === 0 ? 0 : weight / sum));
}

/** As `evenkeel module split` reads it, without what it would fill in itself. */
export function yamlOf({ rules, businesses }: Splits): string {
  const short = rules.map(({ on, when, to, stickyBy, stickyOn }) => ({
    on,
    ...(Object.keys(when).length === 0 ? {} : { when }),
    to: to.map(({ tags, ...target }) => (Object.keys(tags).length === 0 ? target : { ...target, tags })),
    ...(stickyBy === undefined ? {} : { stickyBy }),
    ...(stickyOn === "" ? {} : { stickyOn }),
  }));
  return stringify({ rules: short, businesses });
}

/** Throws what is wrong with the text, by the field it is about. */
export function splitsOf(yaml: string, before: Splits): Splits {
  const { success, data, error } = SplitFile.safeParse(parse(yaml));
  if (!success) {
    const [issue] = error.issues;
    throw new Error([issue?.path.join("."), issue?.message].filter(Boolean).join(": "));
  }
  return { rules: data.rules ?? before.rules, businesses: data.businesses ?? before.businesses };
}

/** What is to be altered; null = nothing. Rules and businesses are replaced as a whole each. */
export function splitSpec(place: { readonly workspace: string; readonly cluster: string }, first: Splits, now: Splits) {
  const moved = (part: keyof Splits) => JSON.stringify(first[part]) !== JSON.stringify(now[part]);
  const altered = {
    ...(moved("rules") ? { rules: now.rules } : {}),
    ...(moved("businesses") ? { businesses: now.businesses } : {}),
  };
  if (Object.keys(altered).length === 0 || !SplitFile.safeParse(altered).success) return null;
  return { operation: "split", ...place, ...altered } as const;
}
