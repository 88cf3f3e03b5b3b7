import { z } from "zod";
import { BaseState, ModuleReport } from "./base-protocol.ts";
import { endpoint, page, pageQuery } from "./endpoint.ts";
import { Problem } from "./error.ts";
import { BaseClusterId, BaseId, HostId, Moment, Name, ServiceId } from "./id.ts";
import { BaseDescription, Business, ModuleTags, ModuleVersion, SplitRule } from "./module.ts";

/** One version of a module as it is to stand on a base. */
export const PlacedVersion = z.strictObject({
  version: ModuleVersion,
  active: z.boolean().default(true),
  /** Null: installed, and answering nothing. */
  published: z
    .strictObject({ tags: ModuleTags.default({}) })
    .nullable()
    .default(null),
});
export type PlacedVersion = z.infer<typeof PlacedVersion>;

/** Which versions of a module stand on which bases of a cluster; `all`: also on those that come into it. */
export const Placement = z.strictObject({
  module: Name,
  versions: z.array(PlacedVersion).max(20),
  bases: z.union([z.literal("all"), z.array(BaseId).max(10_000)]),
});
export type Placement = z.infer<typeof Placement>;

/** A set of bases; a base is in one at a time. One that is a `buffer` keeps warm, empty bases for the others. */
export const BaseCluster = z.strictObject({
  id: BaseClusterId,
  workspace: Name,
  name: Name,
  buffer: z.boolean(),
  bases: z.int(),
  online: z.int(),
  placements: z.array(Placement),
  rules: z.array(SplitRule),
  businesses: z.array(Business),
  version: z.int(),
  createdAt: Moment,
});
export type BaseCluster = z.infer<typeof BaseCluster>;

export const CreateBaseCluster = z.strictObject({ workspace: Name, name: Name, buffer: z.boolean().default(false) });
export type CreateBaseCluster = z.infer<typeof CreateBaseCluster>;

/** What of a base is not as its cluster wants it. */
export const Drift = z.strictObject({ module: Name, wanted: z.string(), found: z.string() });
export type Drift = z.infer<typeof Drift>;

/** A process that hosts modules, as its agent last told. */
export const Base = z.strictObject({
  id: BaseId,
  /** `<service>@<host>` */
  name: z.string(),
  /** `arklet`: a foreign base, driven by the Arklet HTTP API. */
  kind: z.enum(["evenkeel", "arklet"]),
  workspace: Name,
  service: Name,
  serviceId: ServiceId,
  host: Name,
  hostId: HostId,
  zone: Name,
  cluster: Name.nullable(),
  /** `gone`: no process of it answers; `offline`: its host does not. */
  state: z.enum([...BaseState.options, "gone", "offline"]),
  problem: Problem.nullable(),
  pid: z.int().nullable(),
  startedAt: Moment.nullable(),
  description: BaseDescription.nullable(),
  modules: z.array(ModuleReport),
  rules: z.array(SplitRule),
  businesses: z.array(Business),
  drift: z.array(Drift),
  reportedAt: Moment,
});
export type Base = z.infer<typeof Base>;

const byCluster = z.strictObject({ clusterId: BaseClusterId });

export const baseClusterEndpoints = {
  listBaseClusters: endpoint("GET", "/base-clusters", {
    needs: "base-cluster:read",
    query: pageQuery.extend({ workspace: Name.optional(), name: Name.optional() }),
    reply: page(BaseCluster),
  }),
  getBaseCluster: endpoint("GET", "/base-clusters/{clusterId}", {
    needs: "base-cluster:read",
    params: byCluster,
    reply: BaseCluster,
  }),
  createBaseCluster: endpoint("POST", "/base-clusters", {
    needs: "base-cluster:create",
    body: CreateBaseCluster,
    reply: BaseCluster,
    status: 201,
    idempotent: true,
  }),
  /** Only an empty one; its bases are moved away first. */
  removeBaseCluster: endpoint("DELETE", "/base-clusters/{clusterId}", {
    needs: "base-cluster:delete",
    params: byCluster,
    status: 204,
  }),
  listBases: endpoint("GET", "/bases", {
    needs: "base-cluster:read",
    query: pageQuery.extend({
      workspace: Name.optional(),
      cluster: Name.optional(),
      name: z.string().max(130).optional(),
    }),
    reply: page(Base),
  }),
  getBase: endpoint("GET", "/bases/{baseId}", {
    needs: "base-cluster:read",
    params: z.strictObject({ baseId: BaseId }),
    reply: Base,
  }),
};
