import type { Finding } from "@evenkeel/contracts/change";
import { problemOf } from "@evenkeel/contracts/error";
import type { TenantId } from "@evenkeel/contracts/id";
import type { Kysely } from "kysely";
import type { Database } from "../database.ts";
import { type BaseRow, readBases } from "./store/index.ts";

const SHOWN = 100;

/** Bases that stand still, and modules that broke there or are not well, in the words of the base itself. */
export async function baseFindings(db: Kysely<Database>, tenantId: TenantId): Promise<Finding[]> {
  const bases = await readBases(db, { tenantId, troubled: true, rows: SHOWN });
  return bases.flatMap((base) => [...ofBase(base), ...ofModules(base)]);
}

function ofBase({ name, service, serviceId, hostId, reportedAt, report }: BaseRow): Finding[] {
  if (report?.problem === null || report?.problem === undefined) return [];
  const { problem } = report;
  const actions = [`restart ${service}`, "base-cluster bases"];
  return [
    { severity: "error", resource: `base/${name}`, problem, since: reportedAt, about: [serviceId, hostId], actions },
  ];
}

function ofModules({ name: base, cluster, service, serviceId, host, hostId, report }: BaseRow): Finding[] {
  return (report?.modules ?? []).flatMap(({ name, version, state, problem, health, since }) => {
    const isBroken = state === "broken";
    if (!isBroken && health.healthy) return [];
    const said = isBroken ? problem : health.problem;
    const again = `converge ${service} --host ${host} --modules`;
    return {
      severity: isBroken ? ("error" as const) : ("warning" as const),
      resource: `module/${name}@${version} on ${base}`,
      problem: said ?? problemOf("MODULE_FAILED", { module: `${name}@${version}`, problem: `it is ${state}` }),
      since: isBroken ? since : health.since,
      about: [serviceId, hostId],
      // What its cluster wants there is brought anew: the version that broke, or the one that was placed since.
      actions: [...(cluster === null ? [] : [again]), `module stats ${name}`],
    };
  });
}
