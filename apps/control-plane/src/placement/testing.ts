// Worlds of bases and modules, for tests of what is planned for them.
import type { Placement } from "@evenkeel/contracts/base-cluster";
import type { ModuleReport } from "@evenkeel/contracts/base-protocol";
import {
  BaseClusterId,
  BaseId,
  Digest,
  HostId,
  ModuleBundleId,
  newId,
  ServiceId,
  WorkspaceId,
} from "@evenkeel/contracts/id";
import { ModuleManifest } from "@evenkeel/contracts/module";
import type { ModuleBundle } from "@evenkeel/contracts/module-bundle";
import type { BaseRow, ClusterRow } from "../base-cluster/index.ts";
import type { PlacementWorld } from "./plan/index.ts";

const NOW = "2026-11-21T12:00:00.000Z";
const SERVICE = newId(ServiceId, "svc");
const digestOf = (text: string): Digest => Digest.parse(`sha256:${Buffer.from(text).toString("hex").padEnd(64, "0")}`);

/** `prices 1.0.0 published /prices`, `cart 2.0.0`, `tax 1.0.0 resolved`, `tax 2.0.0 broken`. */
export function reportOf(words: string): ModuleReport {
  const [name = "", version = "", how = "active", ...paths] = words.split(" ");
  const routes = paths.map((path) => ({ path }));
  const state = how === "published" ? "active" : (how as ModuleReport["state"]);
  return {
    ...{ name, version, digest: digestOf(`${name}${version}`), state, isolation: "inline", form: "application" },
    ...{
      published: how === "published",
      tags: {},
      provides: ModuleManifest.parse({ name, version, provides: { routes } }).provides,
    },
    ...{ origin: "order", inFlight: 0, health: { healthy: true, problem: null, since: NOW } },
    ...{ problem: null, stack: null, since: NOW },
  };
}

export function clusterOf(name: string, more: Partial<ClusterRow> = {}): ClusterRow {
  const id = newId(BaseClusterId, "bcl");
  return {
    ...{ id, workspace: "local", name, buffer: false, bases: 0, online: 0, rules: [], businesses: [], version: 1 },
    createdAt: NOW,
    ...more,
  };
}

/** A base of the service shop on this host, with these modules; null = its process is gone. */
export function baseOf(host: string, cluster: ClusterRow | null, modules: readonly string[] | null): BaseRow {
  const description = { name: "shop", version: "1.0.0", node: "24", v8: "13", arch: "x64" };
  const nothing = { libraries: {}, services: [], snippets: [] };
  const report = {
    ...{ protocol: 1, description: { ...description, ...nothing }, pid: 1, startedAt: NOW, state: "serving" as const },
    ...{ problem: null, modules: (modules ?? []).map(reportOf), rules: [], businesses: [] },
  };
  return {
    ...{ id: newId(BaseId, "base"), name: `shop@${host}`, workspace: "local", service: "shop", serviceId: SERVICE },
    ...{ application: "shop", host, hostId: newId(HostId, "host"), zone: "a", cell: null, labels: {} },
    ...{ clusterId: cluster?.id ?? null, cluster: cluster?.name ?? null, cameFrom: null, online: true },
    ...{ report: modules === null ? null : report, reportedAt: NOW },
  };
}

/** An uploaded module: `prices 1.0.0`. */
export function uploaded(words: string, more: object = {}): ModuleBundle {
  const [name = "", version = ""] = words.split(" ");
  const manifest = ModuleManifest.parse({ name, version, ...more });
  const about = {
    id: newId(ModuleBundleId, "mod"),
    name,
    version,
    digest: digestOf(`${name}${version}`),
    sizeBytes: 9,
  };
  return { ...about, cacheNode: null, manifest, uploadedBy: "admin", uploadedAt: NOW };
}

export function worldOf(given: Partial<PlacementWorld>): PlacementWorld {
  const workspace = { id: newId(WorkspaceId, "wsp"), name: "local" };
  return { workspace, clusters: [], placements: new Map(), bases: [], bundles: [], upstreams: new Map(), ...given };
}

/** `prices` stands everywhere with this version. */
export function placed(module: string, version: string, bases: Placement["bases"] = "all"): Placement {
  return { module, versions: [{ version, active: true, published: { tags: {} } }], bases };
}
