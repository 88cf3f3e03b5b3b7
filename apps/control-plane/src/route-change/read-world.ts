import { PlatformError } from "@evenkeel/contracts/error";
import type { Name } from "@evenkeel/contracts/id";
import type { RouteChangeSpec, SetTrafficRule } from "@evenkeel/contracts/traffic-rule";
import type { Transaction } from "kysely";
import { membersOfClusters } from "../base-cluster/index.ts";
import type { Scope } from "../change/index.ts";
import type { Database } from "../database.ts";
import { driversOf } from "../gateway/index.ts";
import { hostsOf } from "../host/index.ts";
import { versionsOf } from "../package/index.ts";
import { servingIn, upstreamsOf } from "../route/index.ts";
import { requestsOf } from "../sample/index.ts";
import { findService, servicesForCells } from "../service/index.ts";
import { definitionOfRule, policyOf, rulesOf, userKeyOfWorkspace } from "../traffic-rule/index.ts";
import { cellsOf, findWorkspace } from "../workspace/index.ts";
import { reshapes } from "./altered-cells.ts";
import { movedServing } from "./moved-hosts.ts";
import type { RoutedService, RouteWorld } from "./world.ts";

/** The services, rules and cells that a change is about, and those beside them. */
export async function readRouteWorld(
  spec: RouteChangeSpec,
  tx: Transaction<Database>,
  { tenantId }: Scope,
): Promise<RouteWorld> {
  const workspace = await findWorkspace(tx, { tenantId, name: spec.workspace });
  if (workspace === null) throw new PlatformError("NOT_FOUND", { resource: `workspace ${spec.workspace}` });
  const rules = (await rulesOf(tx, workspace.id)).map((rule) => ({
    definition: definitionOfRule(rule),
    version: rule.version,
  }));
  const hosts = await hostsOf(tx, workspace.id);
  const serving = spec.hosts.length === 0 && !reshapes(spec) ? [] : await servingIn(tx, workspace.id);
  const services: RoutedService[] = [];
  for (const name of namesIn(spec, rules)) {
    const service = await findService(tx, { tenantId, workspaceId: workspace.id, name });
    if (service === null) continue;
    const upstreams = await upstreamsOf(tx, service.id);
    const uploaded = await versionsOf(tx, service.applicationId);
    services.push({
      ...{ id: service.id, name, application: service.application, revisionId: service.revisionId },
      versions: new Set([...uploaded, ...upstreams.map(({ version }) => version)]),
      upstreams,
      policy: await policyOf(tx, { tenantId, serviceId: service.id }),
    });
  }
  const moved = movedServing(spec, { hosts, serving }).map(({ serviceId }) => serviceId);
  const serviceIds = [...new Set([...services.map(({ id }) => id), ...moved])];
  return {
    ...{ tenantId, workspace, services, rules },
    cells: await cellsOf(tx, workspace.id),
    hosts,
    serving,
    cellBound: spec.hosts.length === 0 ? [] : await servicesForCells(tx, workspace.id),
    requests: await requestsOf(tx, { tenantId, serviceIds, sinceSeconds: 60 }),
    baseClusters: await membersOfClusters(tx, workspace.id),
    gateways: await driversOf(tx, workspace.id),
    userKey: await userKeyOfWorkspace(tx, workspace.id),
  };
}

/** Services whose rules or policies are altered, those that lose a rule included. */
function namesIn(
  { put, remove, policies }: RouteChangeSpec,
  rules: readonly { readonly definition: SetTrafficRule }[],
): Name[] {
  const touched = new Set([...put.map(({ name }) => name), ...remove]);
  const before = rules.filter(({ definition }) => touched.has(definition.name));
  return [
    ...new Set([...put, ...policies, ...before.map(({ definition }) => definition)].map(({ service }) => service)),
  ].sort();
}
