import { createHash } from "node:crypto";
import { isIP } from "node:net";
import type { ServiceId } from "@evenkeel/contracts/id";
import { EVERYONE, type InstanceKey, type Upstream } from "@evenkeel/contracts/route-table";
import { divide, type TableContent } from "./division.ts";

/**
 * `kept`: requests that may be sent again, on kept connections. `once`: all others, each on a new connection.
 * `raw`: connections that leave HTTP; apart, because at a drain they are counted apart.
 */
export const MODES = ["kept", "once", "raw"] as const;
export type Mode = (typeof MODES)[number];

/** A server as HAProxy knows it. */
export interface PoolServer {
  readonly name: string;
  readonly upstream: Upstream;
  /** 0 to 256, which is what HAProxy has. */
  readonly weight: number;
  readonly ready: boolean;
}

/** Some instances of a service, in HAProxy one backend for each mode. */
export interface Pool {
  readonly serviceId: ServiceId;
  readonly subset: string;
  readonly servers: readonly PoolServer[];
}

/** The server that is the gateway's own process, and the pool that has it alone, beside one of instances. */
export const OWN_SERVER = "gateway";
/** Where those wait who cannot reach it. */
export const LATER_SERVER = "later";
export const OWN_POOL = "own";

const MAX_WEIGHT = 256;

/** The pools of a table: for each service of which HAProxy serves requests by itself one of all its instances. */
export function poolsOf(table: TableContent): Pool[] {
  const served = table.services.filter((service) => divide(service, table).kind !== "own");
  return served.map(({ serviceId, upstreams }) => ({
    serviceId,
    subset: EVERYONE,
    servers: serversOf(upstreams),
  }));
}

/** Weights above HAProxy's highest are scaled down together, so that shares stay as near as its resolution allows. */
function serversOf(upstreams: readonly Upstream[]): PoolServer[] {
  const most = Math.max(MAX_WEIGHT, ...upstreams.map(({ weight }) => weight));
  const scaled = (weight: number): number => (weight === 0 ? 0 : Math.max(1, Math.round((weight * MAX_WEIGHT) / most)));
  // An address is the word of a host that has joined: what is neither address nor name must not reach a configuration.
  const plain = upstreams.filter(({ address }) => isIP(address) !== 0 || /^[A-Za-z0-9.-]+$/.test(address));
  return plain.map((upstream) => ({
    name: serverName(upstream),
    upstream,
    weight: scaled(upstream.weight),
    ready: !upstream.draining,
  }));
}

const DIGEST_CHARACTERS = 10;

/** Another version or another address is another server, as it is another instance. */
export function serverName({ instance, version, address, port }: Upstream): string {
  const [, host, letter] = instance.split("/");
  const digest = createHash("sha256").update(`${version}|${address}|${port}`).digest("hex");
  return `${host}-${letter}-${digest.slice(0, DIGEST_CHARACTERS)}`;
}

/** The instance behind a server of this service. */
export function instanceOf(serviceId: string, server: string): InstanceKey | null {
  const [, host, letter] = /^(host_[0-9a-z]{20})-([ab])-/.exec(server) ?? [];
  return host === undefined || letter === undefined ? null : (`${serviceId}/${host}/${letter}` as InstanceKey);
}

/** Name of the backend; the service's id comes first, so that it can be read from it. */
export function backendName({ serviceId, subset }: Pick<Pool, "serviceId" | "subset">, mode: Mode): string {
  // HAProxy takes letters, digits and four signs; others become their code.
  const plain = subset.replace(/[^A-Za-z0-9_-]/g, (sign) => `:${sign.codePointAt(0)?.toString(16)}:`);
  return `${serviceId}.${plain}.${mode}`;
}

/** Service and mode of a backend's name; null where it is none of ours. */
export function readBackendName(name: string): { serviceId: ServiceId; mode: Mode } | null {
  const [serviceId = "", , mode, ...more] = name.split(".");
  if (more.length > 0 || !serviceId.startsWith("svc_")) return null;
  const known = MODES.find((each) => each === mode);
  return known === undefined ? null : { serviceId: serviceId as ServiceId, mode: known };
}
