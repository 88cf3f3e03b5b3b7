import { type Refusal, refuse } from "@evenkeel/contracts/error";
import { say } from "@evenkeel/contracts/phrase";
import type { RouteChangeSpec, SetTrafficRule } from "@evenkeel/contracts/traffic-rule";
import { refuseRules } from "../traffic-rule/plan/index.ts";
import { refuseCells } from "./altered-cells.ts";
import { refuseLeftEmpty } from "./moved-hosts.ts";
import { withShare } from "./stage.ts";
import type { RouteWorld } from "./world.ts";

/** Why a change of routes cannot be; null = it can. */
export function refuseRouteChange(spec: RouteChangeSpec, world: RouteWorld): Refusal | null {
  return (
    refuseNames(spec, world) ??
    refuseCells(spec, world) ??
    refuseHosts(spec, world) ??
    refuseSteps(spec) ??
    refuseTogether(spec, world) ??
    refuseLeftEmpty(spec, world)
  );
}

function refuseNames({ put, remove, policies }: RouteChangeSpec, { services, rules }: RouteWorld): Refusal | null {
  const named = [...put.map(({ name }) => name), ...remove];
  const twice = named.find((name, index) => named.indexOf(name) !== index);
  if (twice !== undefined)
    return refuse("INPUT_INVALID", { field: "put", problem: say("why.stands-twice", { rule: twice }) });
  const known = new Set<string>(services.map(({ name }) => name));
  const strange = [...put, ...policies].find(({ service }) => !known.has(service));
  if (strange !== undefined) return refuse("NOT_FOUND", { resource: `service ${strange.service}` });
  const gone = remove.find((name) => !rules.some(({ definition }) => definition.name === name));
  return gone === undefined ? null : refuse("NOT_FOUND", { resource: `traffic rule ${gone}` });
}

function refuseHosts({ hosts: given }: RouteChangeSpec, { hosts, cells, workspace }: RouteWorld): Refusal | null {
  const names = given.map(({ host }) => host);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined)
    return refuse("INPUT_INVALID", { field: "hosts", problem: say("why.named-twice", { name: twice }) });
  const strange = names.find((name) => !hosts.some((host) => host.name === name));
  if (strange !== undefined) return refuse("NOT_FOUND", { resource: `host ${strange} in workspace ${workspace.name}` });
  const nowhere = given.find(({ cell }) => cell !== null && !cells.some(({ name }) => name === cell));
  return nowhere === undefined
    ? null
    : refuse("CELL_UNFIT", { problem: say("why.no-cell", { cell: String(nowhere.cell) }) });
}

/** In steps at least something must be able to grow. */
function refuseSteps({ steps, put, cells }: RouteChangeSpec): Refusal | null {
  if (steps.length === 0) return null;
  const grows = put.some(({ send }) => (send?.to.length ?? 0) > 1) || cells.some(({ weight }) => weight !== undefined);
  if (grows) return null;
  const problem = `steps: ${say("why.nothing-by-steps")}`;
  return refuse("INPUT_INVALID", { field: "steps", problem });
}

/** The rules of each service as they are to be. */
export function rulesAfter(
  { put, remove, steps }: RouteChangeSpec,
  { rules }: Pick<RouteWorld, "rules">,
): SetTrafficRule[] {
  const touched = new Set([...put.map(({ name }) => name), ...remove]);
  const last = steps.at(-1);
  return [
    ...rules.map(({ definition }) => definition).filter(({ name }) => !touched.has(name)),
    ...put.map((rule) => (last === undefined ? rule : withShare(rule, last))),
  ];
}

function refuseTogether(spec: RouteChangeSpec, world: RouteWorld): Refusal | null {
  const after = Map.groupBy(rulesAfter(spec, world), ({ service }) => service);
  const changed = new Set<string>(spec.put.map(({ name }) => name));
  const cells = new Set<string>(world.cells.map(({ name }) => name));
  const hosts = new Set<string>(world.hosts.map(({ name }) => name));
  const baseClusters = new Set<string>(world.baseClusters.map(({ name }) => name));
  return (
    world.services
      .map(({ name, versions }) =>
        refuseRules(after.get(name) ?? [], changed, { versions, cells, hosts, baseClusters }),
      )
      .find((refusal) => refusal !== null) ?? null
  );
}
