// Tables with rules in them, for the tests of this folder.
import type { RouteTable, TableRule } from "@evenkeel/contracts/route-table";
import type { Bed, Spec } from "./bed.ts";

type ServiceEntry = RouteTable["services"][number];
export type Given = Partial<Pick<ServiceEntry, "subsets" | "rules" | "home" | "policy">> &
  Partial<Pick<RouteTable, "marks" | "callers" | "entry">>;
export type ZonedSpec = Spec & { readonly zone?: string };

/** Puts a table in force with rules in it. */
export async function putRules(bed: Bed, specs: readonly ZonedSpec[], given: Given): Promise<void> {
  const { marks = [], callers = [], entry = null, ...own } = given;
  const table = bed.table(specs);
  const services = table.services.map((service) => ({
    ...service,
    ...own,
    upstreams: service.upstreams.map((upstream, index) => ({
      ...upstream,
      zone: specs[index]?.zone ?? upstream.zone,
    })),
  }));
  await bed.plane.apply({ ...table, marks, callers, entry, services });
}

export const rule = (name: string, given: Partial<TableRule>): TableRule => ({
  ...{ name, conditions: [], send: null, mirror: null, fault: null, rateLimit: null, concurrency: null },
  ...given,
});

export const way = (chain: string[], basisPoints = 10_000, lane: string | null = null) => ({
  ...{ chain, cells: [], basisPoints, lane },
});

export const sendTo = (...ways: ReturnType<typeof way>[]) => ({
  ...{ salt: "s", key: [{ cookie: "uid" }], ways, next: false },
});

/** An application that says its name and what it was given to carry. */
export const namedApplication = (bed: Bed, name: string): Promise<number> =>
  bed.application((req, res) => res.end(`${name} ${req.headers.baggage ?? ""}`.trim()));
