import type { Difference } from "@evenkeel/contracts/change-plan";
import type { Condition, Destination, RouteChangeSpec, SetTrafficRule, Subset } from "@evenkeel/contracts/traffic-rule";
import type { UpstreamState } from "../route/index.ts";
import { withShare } from "./stage.ts";
import type { RoutedService, RouteWorld } from "./world.ts";

/** What is altered, and who moves by it. */
export function differencesOf(spec: RouteChangeSpec, world: RouteWorld): Difference[] {
  const before = (name: string) => world.rules.find(({ definition }) => definition.name === name)?.definition;
  const cell = (name: string) => world.cells.find((each) => each.name === name);
  const last = spec.steps.at(-1);
  const put = spec.put.map((rule) => (last === undefined ? rule : withShare(rule, last)));
  return [
    ...put.flatMap((rule): Difference[] => {
      const was = before(rule.name);
      const group = rule.service;
      const moves = moved(rule, world);
      return [
        { field: `rule ${rule.name}`, from: was === undefined ? null : ruleText(was), to: ruleText(rule), group },
        ...(moves === null ? [] : [{ field: "who moves", from: null, to: moves, group }]),
      ];
    }),
    ...spec.remove.map((name): Difference => {
      const was = before(name);
      return { field: `rule ${name}`, from: was === undefined ? null : ruleText(was), to: null };
    }),
    ...spec.policies.map(({ service, policy }): Difference => {
      const was = world.services.find(({ name }) => name === service)?.policy ?? null;
      return {
        field: "policy",
        from: was && JSON.stringify(was),
        to: policy && JSON.stringify(policy),
        group: service,
      };
    }),
    ...spec.cells.flatMap(({ cell: name, weight, away }): Difference[] => {
      const now = cell(name);
      const place = (isAway: boolean | undefined) => (isAway ? `away, served by ${now?.failOver}` : "served by itself");
      return [
        ...(weight === undefined
          ? []
          : [{ field: `weight of cell ${name}`, from: String(now?.weight ?? 0), to: String(weight) }]),
        ...(away === undefined ? [] : [{ field: `cell ${name}`, from: place(now?.away), to: place(away) }]),
      ];
    }),
  ];
}

/** By the requests of the last minute, where the rule is for all of them. */
function moved({ match, send, service }: SetTrafficRule, { services }: RouteWorld): string | null {
  if (send === undefined) return null;
  const { requests = 0 } = services.find(({ name }) => name === service) ?? {};
  const shares = send.to.map(({ to, percent }) => {
    const about = match.length === 0 ? ` (about ${Math.round((requests * percent) / 100)})` : "";
    return `${percent} %${about} to ${subsetText(to)}`;
  });
  const whose = match.length === 0 ? `of all ${requests} requests in the last minute` : "of those that fit";
  return `${whose}: ${shares.join(", ")}`;
}

export function warningsOf(spec: RouteChangeSpec, world: RouteWorld): string[] {
  const idle = spec.put.flatMap((rule) => {
    const service = world.services.find(({ name }) => name === rule.service);
    return (rule.send?.to ?? []).flatMap(({ to, percent }) =>
      percent === 0 || service === undefined || isServed(service, to, world)
        ? []
        : [`rule ${rule.name}: nobody serves ${subsetText(to)} now; ${FALLBACK[rule.send?.fallback ?? "all"]}`],
    );
  });
  const weights = new Map<string, number>(world.cells.map(({ name, weight }) => [name, weight]));
  for (const { cell, weight } of spec.cells) if (weight !== undefined) weights.set(cell, weight);
  const none =
    spec.cells.some(({ weight }) => weight !== undefined) && [...weights.values()].every((weight) => weight === 0);
  return [
    ...idle,
    ...(world.gateways.length === 0
      ? [`workspace ${world.workspace.name} has no gateway: the rules reach nobody`]
      : []),
    ...(none ? ["no cell has a weight: users are in no cell, and every instance serves them"] : []),
  ];
}

const FALLBACK = { next: "the next rule decides", all: "all instances take it", refuse: "it is answered 503" };

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
    ...(send === undefined ? [] : [`send ${send.to.map(destinationText).join(", ")}`]),
    ...(mirror === undefined ? [] : [`mirror ${mirror.percent} % to ${subsetText(mirror.to)}`]),
    ...(fault?.delay === undefined ? [] : [`delay ${fault.delay.percent} % by ${fault.delay.ms} ms`]),
    ...(fault?.abort === undefined ? [] : [`abort ${fault.abort.percent} % with ${fault.abort.status}`]),
    ...(rateLimit === undefined ? [] : [`${rateLimit.requests} requests in ${rateLimit.perSeconds} s`]),
    ...(concurrency === undefined ? [] : [`${concurrency.requests} at once`]),
  ];
  const whom = match.length === 0 ? "all" : match.map(conditionText).join(" and ");
  return `${priority}: ${whom} → ${effects.join("; ")}`;
}

const destinationText = ({ to, percent, lane }: Destination): string =>
  `${percent} % to ${subsetText(to)}${lane === undefined ? "" : ` in lane ${lane}`}`;

function subsetText({ version, notVersion, cell, hosts, baseCluster }: Subset): string {
  const parts = [
    ...(version === undefined ? [] : [version]),
    ...(notVersion === undefined ? [] : [`all but ${notVersion}`]),
    ...(cell === undefined ? [] : [`cell ${cell}`]),
    ...(hosts === undefined ? [] : [hosts.join(", ")]),
    ...(baseCluster === undefined ? [] : [`base-cluster ${baseCluster}`]),
  ];
  return parts.length === 0 ? "all" : parts.join(" on ");
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
          : `query ${condition.query}`;
  const tests = { exact, in: among?.join(" | "), prefix, regex, percent, present };
  const [name, value] = Object.entries(tests).find(([, each]) => each !== undefined) ?? [];
  return `${field} ${not ? "not " : ""}${name} ${value}`;
}
