import type { TableCondition } from "@evenkeel/contracts/route-table";
import { canonicalNetwork } from "@evenkeel/contracts/traffic/network";
import type { Condition } from "@evenkeel/contracts/traffic-rule";

/** The field that a condition looks at. */
export function fieldOf(condition: Condition): Pick<TableCondition, "field" | "name"> {
  if ("header" in condition) return { field: "header", name: condition.header };
  if ("cookie" in condition) return { field: "cookie", name: condition.cookie };
  if ("query" in condition) return { field: "query", name: condition.query };
  if ("body" in condition) return { field: "body", name: condition.body };
  return { field: condition.field, name: "" };
}

/** Conditions as gateways test them; `rule` salts their percentages. */
export const compileConditions = (rule: string, conditions: readonly Condition[]): TableCondition[] =>
  conditions.map((condition) => compileCondition(rule, condition));

function compileCondition(rule: string, condition: Condition): TableCondition {
  const field = fieldOf(condition);
  const { not, present, prefix, regex, percent } = condition;
  const values = condition.in ?? (condition.exact === undefined ? undefined : [condition.exact]);
  const of = (test: TableCondition["test"]): TableCondition => ({ ...field, not, test });
  if (values !== undefined && field.field === "source")
    return of({ kind: "network", networks: values.flatMap((value) => canonicalNetwork(value) ?? []) });
  if (values !== undefined) return of({ kind: "in", values: spellings(field.field, values) });
  if (prefix !== undefined) return of({ kind: "prefix", prefix });
  if (regex !== undefined) return of({ kind: "regex", regex });
  if (percent !== undefined) return of({ kind: "percent", salt: rule, basisPoints: Math.round(percent * 100) });
  return { ...field, not: not === present, test: { kind: "present" } };
}

/** What is not ASCII comes percent-encoded, from browsers, or as the bytes of UTF-8, which gateways see as one letter each; they compare what was sent. */
function spellings(field: TableCondition["field"], values: readonly string[]): string[] {
  const encoded = field === "query" || field === "cookie" || field === "path";
  const encode = field === "path" ? encodeURI : encodeURIComponent;
  const inBytes = field === "header" || field === "cookie";
  return [
    ...new Set(
      values.flatMap((value) => [
        value,
        ...(encoded ? [encode(value)] : []),
        ...(inBytes ? [Buffer.from(value).toString("latin1")] : []),
      ]),
    ),
  ];
}
