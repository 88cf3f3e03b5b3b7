import type { HostId, RouteId, ServiceId, WorkspaceId } from "@evenkeel/contracts/id";
import type { InstanceKey, RouteTable, TableCertificate, Upstream } from "@evenkeel/contracts/route-table";
import { compileEntry, compileService, type TrafficRows } from "./plan/index.ts";

/** How long a request waits for a first instance of a service that consented to a gap, in ms. */
const PARK_MS = 10_000;

/** Everything of one workspace that the table is made from, as one snapshot. */
export interface TableRows {
  readonly epoch: number;
  readonly version: number;
  readonly routes: readonly { routeId: RouteId; host: string; path: string; serviceId: ServiceId }[];
  readonly services: readonly { serviceId: ServiceId; name: string; allowGap: boolean }[];
  readonly upstreams: readonly UpstreamRow[];
  readonly traffic: TrafficRows;
  readonly certificates: readonly (Omit<TableCertificate, "key"> & { readonly sealedKey: string })[];
}

/** Opens the sealed key of a certificate. */
export type OpenKey = (place: { readonly workspaceId: WorkspaceId; readonly name: string }, sealed: string) => string;

export interface UpstreamRow {
  readonly serviceId: ServiceId;
  readonly hostId: HostId;
  readonly instance: InstanceKey;
  readonly version: string;
  readonly zone: string;
  readonly address: string;
  readonly port: number;
  readonly weight: number;
  readonly state: "attached" | "draining";
  readonly healthy: boolean;
  /** Null while it is healthy. */
  readonly unhealthyAt: string | null;
}

/** Makes the table that gateways go by; without `openKey`, for everybody else, it has no certificates. */
export function renderRows(workspaceId: WorkspaceId, rows: TableRows, openKey: OpenKey | null = null): RouteTable {
  const upstreams = Map.groupBy(rows.upstreams, ({ serviceId }) => serviceId);
  return {
    workspaceId,
    epoch: rows.epoch,
    version: rows.version,
    routes: rows.routes.map(({ routeId, host, path, serviceId }) => ({ routeId, host, path, serviceId })),
    services: rows.services.map(({ serviceId, name, allowGap }) => {
      const there = serving(upstreams.get(serviceId) ?? []);
      const members = there.filter(({ state }) => state === "attached");
      return {
        serviceId,
        name,
        parkMs: allowGap ? PARK_MS : 0,
        upstreams: there.map(show),
        ...compileService(serviceId, members, rows.traffic),
      };
    }),
    ...compileEntry(rows.traffic),
    certificates:
      openKey === null
        ? []
        : rows.certificates.map(({ sealedKey, ...certificate }) => ({
            ...certificate,
            key: openKey({ workspaceId, name: certificate.name }, sealedKey),
          })),
  };
}

/**
 * Unhealthy instances are left out, but never the last one: a sick answer is better than none.
 * One without weight takes nothing; it is there to be tried, and is nobody's last resort.
 */
function serving(upstreams: readonly UpstreamRow[]): UpstreamRow[] {
  const attached = upstreams.filter((upstream) => upstream.state === "attached");
  const carrying = attached.filter((upstream) => upstream.weight > 0);
  const last = carrying.reduce<UpstreamRow | null>(
    (latest, one) => (latest === null || (one.unhealthyAt ?? "") > (latest.unhealthyAt ?? "") ? one : latest),
    null,
  );
  const resort = carrying.some((upstream) => upstream.healthy) ? null : last;
  return upstreams.filter((upstream) => upstream.state === "draining" || upstream.healthy || upstream === resort);
}

const show = ({ instance, version, zone, address, port, weight, state }: UpstreamRow): Upstream => ({
  ...{ instance, version, zone, address, port, weight },
  draining: state === "draining",
});
