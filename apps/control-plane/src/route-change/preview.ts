import type { Difference } from "@evenkeel/contracts/change-plan";
import { say } from "@evenkeel/contracts/phrase";
import type { Condition, Destination, RouteChangeSpec, SetTrafficRule, Subset } from "@evenkeel/contracts/traffic-rule";
import type { UpstreamState } from "../route/index.ts";
import { cellDifferences } from "./altered-cells.ts";
import { moveDifferences, moveWarnings } from "./moved-hosts.ts";
import { withShare } from "./stage.ts";
import type { RoutedService, RouteWorld } from "./world.ts";

/** What is altered, and who moves by it. */
export function differencesOf(spec: RouteChangeSpec, world: RouteWorld): Difference[] {
  const before = (name: string) => world.rules.find(({ definition }) => definition.name === name)?.definition;
  const last = spec.steps.at(-1);
  const put = spec.put.map((rule) => (last === undefined ? rule : withShare(rule, last)));
  return [
    ...put.flatMap((rule): Difference[] => {
      const was = before(rule.name);
      const group = rule.service;
      const moves = moved(rule, world);
      return [
        {
          field: say("field.rule", { rule: rule.name }),
          from: was === undefined ? null : ruleText(was),
          to: ruleText(rule),
          group,
        },
        ...(moves === null ? [] : [{ field: say("field.moves"), from: null, to: moves, group }]),
      ];
    }),
    ...spec.remove.map((name): Difference => {
      const was = before(name);
      return { field: say("field.rule", { rule: name }), from: was === undefined ? null : ruleText(was), to: null };
    }),
    ...spec.policies.map(({ service, policy }): Difference => {
      const was = world.services.find(({ name }) => name === service)?.policy ?? null;
      return {
        field: say("field.policy"),
        from: was && JSON.stringify(was),
        to: policy && JSON.stringify(policy),
        group: service,
      };
    }),
    ...cellDifferences(spec, world),
    ...moveDifferences(spec, world),
  ];
}

/** By the requests of the last minute, where the rule is for all of them. */
function moved({ match, send, service }: SetTrafficRule, { services, requests: had }: RouteWorld): string | null {
  if (send === undefined) return null;
  const found = services.find(({ name }) => name === service);
  const requests = (found && had.get(found.id)) ?? 0;
  const shares = send.to.map(({ to, percent }) => {
    const subset = subsetText(to);
    if (match.length > 0) return say("value.share", { percent, subset });
    return say("value.share-about", { percent, requests: Math.round((requests * percent) / 100), subset });
  });
  return match.length === 0 ? say("value.moves-all", { requests, shares }) : say("value.moves-fitting", { shares });
}

export function warningsOf(spec: RouteChangeSpec, world: RouteWorld): string[] {
  const idle = spec.put.flatMap((rule) => {
    const service = world.services.find(({ name }) => name === rule.service);
    return (rule.send?.to ?? []).flatMap(({ to, percent }) =>
      percent === 0 || service === undefined || isServed(service, to, world)
        ? []
        : [say(`warning.rule-idle-${rule.send?.fallback ?? "all"}`, { rule: rule.name, subset: subsetText(to) })],
    );
  });
  const weights = new Map<string, number>(world.cells.map(({ name, weight }) => [name, weight]));
  for (const { cell, weight } of spec.cells) if (weight !== undefined) weights.set(cell, weight);
  const none =
    spec.cells.some(({ weight }) => weight !== undefined) && [...weights.values()].every((weight) => weight === 0);
  return [
    ...idle,
    ...(world.gateways.length === 0 ? [say("warning.no-gateway-for-rules", { workspace: world.workspace.name })] : []),
    ...(none ? [say("warning.no-weights")] : []),
    ...moveWarnings(spec, world),
  ];
}

function isServed({ upstreams }: RoutedService, to: Subset, world: RouteWorld): boolean {
  return upstreams.some(
    (upstream) => upstream.state === "attached" && upstream.weight > 0 && upstream.healthy && isIn(upstream, to, world),
  );
}

/** Whether an instance belongs to a subset. */
export function isIn(
  { serviceId, hostId, version: own }: Pick<UpstreamState, "serviceId" | "hostId" | "version">,
  { version, notVersion, cell, hosts, baseCluster }: Subset,
  world: Pick<RouteWorld, "hosts" | "baseClusters">,
): boolean {
  const host = world.hosts.find(({ id }) => id === hostId);
  const cluster = world.baseClusters.find(({ name }) => name === baseCluster);
  return (
    (version === undefined || own === version) &&
    own !== notVersion &&
    (cell === undefined || host?.cell === cell) &&
    (hosts === undefined || hosts.some((name) => name === host?.name)) &&
    (baseCluster === undefined ||
      cluster?.bases.some((base) => base.serviceId === serviceId && base.hostId === hostId) === true)
  );
}

// ── rules in words ────────────────────────────────────────────────────────────

function ruleText({ priority, match, send, mirror, fault, rateLimit, concurrency }: SetTrafficRule): string {
  const effects = [
    ...(send === undefined ? [] : [say("effect.send", { shares: send.to.map(destinationText) })]),
    ...(mirror === undefined ? [] : [say("effect.mirror", { percent: mirror.percent, subset: subsetText(mirror.to) })]),
    ...(fault?.delay === undefined ? [] : [say("effect.delay", fault.delay)]),
    ...(fault?.abort === undefined ? [] : [say("effect.abort", fault.abort)]),
    ...(rateLimit === undefined
      ? []
      : [say("effect.rate", { requests: rateLimit.requests, seconds: rateLimit.perSeconds })]),
    ...(concurrency === undefined ? [] : [say("effect.at-once", { requests: concurrency.requests })]),
  ];
  const whom = match.length === 0 ? say("value.all") : match.map(conditionText).join(" and ");
  return say("value.rule", { priority, whom, effects: effects.join("; ") });
}

function destinationText({ to, percent, lane }: Destination): string {
  const subset = subsetText(to);
  return lane === undefined
    ? say("value.share", { percent, subset })
    : say("value.share-lane", { percent, subset, lane });
}

function subsetText({ version, notVersion, cell, hosts, baseCluster }: Subset): string {
  const parts = [
    ...(version === undefined ? [] : [version]),
    ...(notVersion === undefined ? [] : [say("value.all-but", { version: notVersion })]),
    ...(cell === undefined ? [] : [say("place.cell", { cell })]),
    ...(hosts === undefined ? [] : [hosts.join(", ")]),
    ...(baseCluster === undefined ? [] : [say("label.base-cluster", { cluster: baseCluster })]),
  ];
  return parts.length === 0 ? say("value.all") : parts.join(" on ");
}

function conditionText(condition: Condition): string {
  const { exact, in: among, prefix, regex, percent, present, not } = condition;
  const field =
    "field" in condition
      ? condition.field
      : "header" in condition
        ? `header ${condition.header}`
        : "cookie" in condition
          ? `cookie ${condition.cookie}`
          : "body" in condition
            ? `body ${condition.body}`
            : `query ${condition.query}`;
  const tests = { exact, in: among?.join(" | "), prefix, regex, percent, present };
  const [name, value] = Object.entries(tests).find(([, each]) => each !== undefined) ?? [];
  return `${field} ${not ? "not " : ""}${name} ${value}`;
}
