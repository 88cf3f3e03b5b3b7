import type { ServiceId } from "@evenkeel/contracts/id";
import { EVERYONE, type RouteTable, type TableRule } from "@evenkeel/contracts/route-table";
import { TrafficPolicy } from "@evenkeel/contracts/traffic-rule";

/** What of a table is rendered. */
export type TableContent = Pick<RouteTable, "routes" | "services" | "marks" | "callers" | "entry" | "certificates">;
type ServiceEntry = RouteTable["services"][number];
type Condition = TableRule["conditions"][number];

/**
 * Who serves a service: HAProxy by itself, where nothing is to be decided; the gateway's own process, where something is for
 * every request; HAProxy but for the requests that a rule might fit, where each rule names values to look for.
 */
export type Division =
  | { readonly kind: "plain" }
  | { readonly kind: "own" }
  | { readonly kind: "looked-at"; readonly looks: readonly string[]; readonly files: Readonly<Record<string, string>> };

const NO_POLICY = JSON.stringify(TrafficPolicy.parse({}));

/** Divides the requests of a service between HAProxy and the gateway's own process. */
export function divide(service: ServiceEntry, { callers, entry }: Pick<TableContent, "callers" | "entry">): Division {
  const { rules, home, policy } = service;
  const [first, ...more] = home.chain;
  const goesToAll = first === EVERYONE && more.length === 0 && home.cells.length === 0;
  if (!goesToAll || JSON.stringify(policy) !== NO_POLICY || callers.length > 0 || entry !== null)
    return { kind: "own" };
  return rules.length === 0 ? { kind: "plain" } : lookFor(service.serviceId, rules);
}

interface Field {
  readonly condition: Condition;
  readonly values: Set<string>;
}

/** A request of which none of these is so fits no rule. It may say so of one that fits none either: that costs a way, never the meaning. */
function lookFor(serviceId: ServiceId, rules: readonly TableRule[]): Division {
  const looks: string[] = [];
  const files: Record<string, string> = {};
  for (const [index, { condition, values }] of (fieldsOf(rules) ?? []).entries()) {
    const file = `${serviceId}-${index}.map`;
    const look = lookAt(condition, isPlainText(values) ? file : null);
    if (look === null) return { kind: "own" };
    looks.push(look);
    if (look.includes(file)) files[file] = [...values].map((value) => `${value} 1\n`).join("");
  }
  return looks.length === 0 ? { kind: "own" } : { kind: "looked-at", looks, files };
}

/** Fields with the values that rules name; null when a rule names none. */
function fieldsOf(rules: readonly TableRule[]): Field[] | null {
  const fields = new Map<string, Field>();
  for (const { conditions } of rules) {
    const condition = conditions.find(isNaming);
    if (condition === undefined || !/^[\w.-]*$/.test(condition.name)) return null;
    const key = `${condition.test.kind} ${condition.field} ${condition.name}`;
    const field = fields.get(key) ?? { condition, values: new Set() };
    fields.set(key, field);
    for (const value of valuesOf(condition)) field.values.add(value);
  }
  return [...fields.values()];
}

/** Values of any field, or what paths begin with. */
const isNaming = ({ field, not, test }: Condition): boolean =>
  !not && (test.kind === "in" || (test.kind === "prefix" && field === "path"));

function valuesOf({ test }: Condition): readonly string[] {
  if (test.kind === "in") return test.values;
  return test.kind === "prefix" ? [test.prefix] : [];
}

/** `file` null: its values cannot stand in a map. */
function lookAt({ field, name, test }: Condition, file: string | null): string | null {
  const found = (fetch: string): string => `{ ${fetch} -m found }`;
  switch (field) {
    case "header":
      return found(file === null ? `req.fhdr(${name})` : `req.fhdr(${name},1),map_str(${file})`);
    case "path":
    case "method":
      return file === null ? null : found(`${field},${test.kind === "prefix" ? "map_beg" : "map_str"}(${file})`);
    // Which of several cookies counts is for those to say who decide.
    case "cookie":
      return found(`req.cook(${name})`);
    case "query":
      return found(`url_param(${name})`);
    case "lane":
      return found("req.hdr(baggage)");
    // Only who has read it all knows what stands in it.
    case "body":
    case "source":
      return null;
  }
}

/** A blank ends a key of a map, and a hash at its beginning makes it a comment. */
const isPlainText = (values: ReadonlySet<string>): boolean =>
  [...values].every((value) => /^[!"$-~][!-~]*$/.test(value));
