import { type Refusal, refuse } from "@evenkeel/contracts/error";
import { say } from "@evenkeel/contracts/phrase";
import type { TableCondition } from "@evenkeel/contracts/route-table";
import { canonicalNetwork } from "@evenkeel/contracts/traffic/network";
import type { Condition, SetTrafficRule, Subset } from "@evenkeel/contracts/traffic-rule";
import { byPriority, compileConditions, fieldOf, pointsOf } from "../../route/plan/index.ts";
import { isWithin, mayOverlap } from "./overlap.ts";
import { regexProblem } from "./regex.ts";

/** What a rule of a service may name. */
export interface KnownTargets {
  readonly versions: ReadonlySet<string>;
  readonly cells: ReadonlySet<string>;
  readonly hosts: ReadonlySet<string>;
  readonly baseClusters: ReadonlySet<string>;
}

/** Why these rules of one service cannot be: `changed` are looked at whole, the others beside them; null = they can. */
export function refuseRules(
  rules: readonly SetTrafficRule[],
  changed: ReadonlySet<string>,
  known: KnownTargets,
): Refusal | null {
  const ordered = rules
    .toSorted(byPriority)
    .map((rule) => ({ rule, conditions: compileConditions(rule.name, rule.match) }));
  const alone = ordered.map(({ rule, conditions }) =>
    changed.has(rule.name) ? refuseRule(rule, conditions, known) : null,
  );
  return alone.find((refusal) => refusal !== null) ?? refusePairs(ordered, changed);
}

function refuseRule(rule: SetTrafficRule, conditions: readonly TableCondition[], known: KnownTargets): Refusal | null {
  return (
    refuseShares(rule) ?? refuseConditions(rule) ?? refuseImpossible(rule, conditions) ?? refuseTargets(rule, known)
  );
}

function refuseShares({ name, send }: SetTrafficRule): Refusal | null {
  if (send === undefined) return null;
  const sum = send.to.reduce((total, { percent }) => total + pointsOf(percent), 0);
  return sum === 10_000 ? null : refuse("RULE_SHARES_WRONG", { rule: name, sum: sum / 100 });
}

function refuseConditions({ name, match }: SetTrafficRule): Refusal | null {
  return match.map((condition) => refuseCondition(name, condition)).find((refusal) => refusal !== null) ?? null;
}

function refuseCondition(rule: string, condition: Condition): Refusal | null {
  const { regex, exact, in: among, prefix } = condition;
  const problem = regex === undefined ? null : regexProblem(regex);
  if (problem !== null) return refuse("RULE_REGEX_UNSAFE", { rule, regex, problem });
  const never = condition.not ? null : neverSent(condition);
  if (never !== null) return refuse("RULE_NEVER_MATCHES", { rule, problem: never });
  if (fieldOf(condition).field !== "source") return null;
  const wrong = [...(among ?? []), ...(exact === undefined ? [] : [exact])].find(
    (value) => canonicalNetwork(value) === null,
  );
  const byText = prefix !== undefined || regex !== undefined;
  if (!byText && wrong === undefined) return null;
  const said = byText ? say("why.source-compared") : say("why.no-address", { text: String(wrong) });
  return refuse("INPUT_INVALID", { field: "match", problem: say("why.rule-so", { rule, said }) });
}

/** Why no request has such a value; null = one may. */
function neverSent(condition: Condition): string | null {
  const { field } = fieldOf(condition);
  const { exact, in: among = [], prefix } = condition;
  const values = [...among, ...[exact, prefix].filter((value) => value !== undefined)];
  const isNever = NEVER_SENT[field];
  const value = values.find((each) => isNever?.pattern.test(each));
  return isNever === undefined || value === undefined ? null : say(isNever.says, { text: JSON.stringify(value) });
}

interface NeverSent {
  readonly pattern: RegExp;
  readonly says: "why.never-path" | "why.never-method" | "why.never-header";
}

const NEVER_SENT: Partial<Record<TableCondition["field"], NeverSent>> = {
  path: { pattern: /^[^/]|[?#]/, says: "why.never-path" },
  method: { pattern: /[^A-Z-]/, says: "why.never-method" },
  header: { pattern: /^\s|\s$/, says: "why.never-header" },
};

/** Conditions of which no request fits two at once. */
function refuseImpossible({ name }: SetTrafficRule, conditions: readonly TableCondition[]): Refusal | null {
  for (const [index, one] of conditions.entries()) {
    const other = conditions.slice(index).find((each) => !mayOverlap([one], [each]));
    if (other === undefined) continue;
    const problem = say("why.fits-none", { field: `${one.field}${one.name && ` ${one.name}`}` });
    return refuse("RULE_NEVER_MATCHES", { rule: name, problem });
  }
  return null;
}

function refuseTargets({ name, service, send, mirror }: SetTrafficRule, known: KnownTargets): Refusal | null {
  const subsets = [...(send?.to.map(({ to }) => to) ?? []), ...(mirror === undefined ? [] : [mirror.to])];
  const target = subsets.map((subset) => unknownTarget(subset, known)).find((each) => each !== null) ?? null;
  return target === null ? null : refuse("RULE_TARGET_UNKNOWN", { rule: name, service, target });
}

function unknownTarget({ version, notVersion, cell, hosts, baseCluster }: Subset, known: KnownTargets): string | null {
  for (const each of [version, notVersion])
    if (each !== undefined && !known.versions.has(each)) return `version ${each}`;
  if (cell !== undefined && !known.cells.has(cell)) return `cell ${cell}`;
  if (baseCluster !== undefined && !known.baseClusters.has(baseCluster)) return `base-cluster ${baseCluster}`;
  const host = hosts?.find((each) => !known.hosts.has(each));
  return host === undefined ? null : `host ${host}`;
}

interface Compiled {
  readonly rule: SetTrafficRule;
  readonly conditions: readonly TableCondition[];
}

function refusePairs(ordered: readonly Compiled[], changed: ReadonlySet<string>): Refusal | null {
  for (const [index, later] of ordered.entries())
    for (const earlier of ordered.slice(0, index)) {
      if (!changed.has(earlier.rule.name) && !changed.has(later.rule.name)) continue;
      const refusal = refusePair(earlier, later);
      if (refusal !== null) return refusal;
    }
  return null;
}

/** Both send: one of them may stand in the other's way. */
function refusePair(earlier: Compiled, later: Compiled): Refusal | null {
  const [one, other] = [earlier.rule, later.rule];
  if (one.send === undefined || other.send === undefined) return null;
  if (one.priority === other.priority && mayOverlap(earlier.conditions, later.conditions))
    return refuse("RULE_CONFLICT", { rule: one.name, other: other.name, priority: one.priority });
  if (one.send.fallback === "next" || !isWithin(later.conditions, earlier.conditions)) return null;
  const problem = say("why.sent-already", { rule: one.name, priority: one.priority });
  return refuse("RULE_NEVER_MATCHES", { rule: other.name, problem });
}
