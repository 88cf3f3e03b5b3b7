import type { ModuleReport } from "@evenkeel/contracts/base-protocol";
import type { Difference } from "@evenkeel/contracts/change-plan";
import type { Business, ModuleProvides, SplitRule } from "@evenkeel/contracts/module";
import { say } from "@evenkeel/contracts/phrase";

/** The rules of a cluster and its businesses; what is left out is not spoken of. */
export interface SplitWish {
  readonly rules?: readonly SplitRule[] | undefined;
  readonly businesses?: readonly Business[] | undefined;
}

/** Who gets which share of what, and who takes part in which business, before and after; only what becomes different. */
export function splitDifferences(before: Required<SplitWish>, after: SplitWish): Difference[] {
  const all = [
    ...(after.rules === undefined ? [] : ofRules(before.rules ?? [], after.rules)),
    ...(after.businesses === undefined ? [] : ofBusinesses(before.businesses ?? [], after.businesses)),
  ];
  return all.filter(({ from, to }) => from !== to);
}

function ofRules(before: readonly SplitRule[], after: readonly SplitRule[]): Difference[] {
  const keyOf = ({ on }: SplitRule): string => `${on.kind} ${on.name}`;
  const [old, now] = [Map.groupBy(before, keyOf), Map.groupBy(after, keyOf)];
  const firsts = new Map([...before, ...after].map((rule) => [keyOf(rule), rule.on]));
  return [...firsts].map(([key, on]) => ({
    field: say(`field.of-${on.kind}`, { name: on.name }),
    from: rulesText(old.get(key) ?? [], on.kind),
    to: rulesText(now.get(key) ?? [], on.kind),
  }));
}

/** In the order in which they are asked. Of what one module answers, the newest version does where no rule says otherwise. */
function rulesText(rules: readonly SplitRule[], kind: SplitRule["on"]["kind"]): string | null {
  if (rules.length > 0) return rules.map(ruleText).join("; ");
  if (kind !== "route" && kind !== "service") return null;
  const shares = say("value.share", { percent: 100, subset: say("value.newest") });
  return say("value.split", { whom: say("value.all"), shares });
}

function ruleText({ when, to, stickyBy, stickyOn }: SplitRule): string {
  const total = to.reduce((sum, { weight }) => sum + weight, 0);
  const shares = to.map(({ weight, ...target }) => {
    const percent = total === 0 ? 0 : Math.round((weight / total) * 1000) / 10;
    return say("value.share", { percent, subset: targetText(target) });
  });
  const facts = { whom: listed(conditionsOf(when)), shares };
  if (stickyBy === undefined) return say("value.split", facts);
  return say("value.split-sticky", { ...facts, field: `${stickyBy} ${stickyOn}`.trim() });
}

/** What the rules would give a share to, and nobody in the cluster has published. */
export function idleShares(cluster: string, rules: readonly SplitRule[], modules: readonly ModuleReport[]): string[] {
  const idle = rules.flatMap(({ on, to }) => {
    const offering = modules.filter(({ published, provides }) => published && offers(provides, on));
    return to
      .filter((target) => target.weight > 0 && !offering.some((module) => fits(module, target)))
      .map((target) => {
        const what = say(`field.of-${on.kind}`, { name: on.name });
        return say("warning.split-idle", { what, cluster, subset: targetText(target) });
      });
  });
  return [...new Set(idle)];
}

function offers({ routes, services, events, components, snippet }: ModuleProvides, on: SplitRule["on"]): boolean {
  const names: Readonly<Record<SplitRule["on"]["kind"], readonly (string | undefined)[]>> = {
    route: routes.map(({ path }) => path),
    service: services,
    event: events,
    component: components.map(({ point }) => point),
    snippet: [snippet],
  };
  return names[on.kind].includes(on.name);
}

const fits = (module: Pick<ModuleReport, "version" | "tags">, { version, tags }: SplitRule["to"][number]): boolean =>
  (version === undefined || module.version === version) &&
  Object.entries(tags).every(([name, value]) => module.tags[name] === value);

const listed = (conditions: readonly string[]): string => conditions.join(" and ") || say("value.all");

function conditionsOf({ caller, header, query, segment, body }: SplitRule["when"]): string[] {
  return [
    ...(caller === undefined ? [] : [`caller = ${caller}`]),
    ...(header === undefined ? [] : [`header ${header.name} = ${header.equals}`]),
    ...(query === undefined ? [] : [`query ${query.name} = ${query.equals}`]),
    ...(segment === undefined ? [] : [`segment ${segment.index} = ${segment.equals}`]),
    ...(body === undefined ? [] : [`body ${body.path} = ${body.equals}`]),
  ];
}

function targetText({ version, tags }: Omit<SplitRule["to"][number], "weight">): string {
  const parts = [...(version === undefined ? [] : [version]), ...Object.entries(tags).map((tag) => tag.join("="))];
  return parts.join(" ") || say("value.newest");
}

function ofBusinesses(before: readonly Business[], after: readonly Business[]): Difference[] {
  const textOf = (all: readonly Business[], wanted: string): string | null => {
    const found = all.find(({ name }) => name === wanted);
    return found === undefined ? null : businessText(found);
  };
  const names = new Set([...before, ...after].map(({ name }) => name));
  return [...names].map((name) => ({
    field: say("field.business", { business: name }),
    from: textOf(before, name),
    to: textOf(after, name),
  }));
}

function businessText({ when, modules }: Business): string {
  const whom = listed(Object.entries(when).map(([path, value]) => `${path} = ${value}`));
  return say("value.business", { whom, modules: modules.length === 0 ? [say("value.all-that-provide")] : modules });
}
