import { PlatformError } from "@evenkeel/contracts/error";
import type { HostId } from "@evenkeel/contracts/id";
import type { Instance, Service } from "@evenkeel/contracts/service";
import type { Kysely } from "kysely";
import type { Database } from "../database.ts";
import { credentialsIn, type Handlers, pageStart, type ServerEvent, toPage } from "../http/index.ts";
import { listRevisions, readRevisions } from "../revision/index.ts";
import { showService } from "./show.ts";
import { getService, instancesOf, listServices, type StoredService, setParameters } from "./store/index.ts";

/** What reading logs needs to know; the slice of the agents' link does it. */
export interface ServiceLogQuery {
  readonly serviceId: StoredService["id"];
  readonly hosts: readonly { readonly hostId: HostId; readonly name: string }[];
  readonly lines: number;
  readonly follow: boolean;
  readonly credentials: Readonly<Record<string, string>>;
  readonly forwarded: boolean;
}

export interface ServiceDeps {
  readonly db: Kysely<Database>;
  readonly readLogs: (query: ServiceLogQuery) => Promise<AsyncIterable<ServerEvent>>;
  /** Name of the header by which a replica marks what it asks of another. */
  readonly forwardedHeader: string;
}

type Operations = "listServices" | "getService" | "setParameters" | "listInstances" | "listRevisions" | "readLogs";

export function serviceHandlers({ db, readLogs, forwardedHeader }: ServiceDeps): Handlers<Operations> {
  return {
    listServices: async ({ caller, query }) => {
      const { after, rows: limit } = pageStart(query);
      const { workspace, application, name } = query;
      const rows = await listServices(db, { tenantId: caller.tenantId, workspace, application, name, after, limit });
      const shown = await showAll(db, rows);
      return toPage(shown, query, { show: (service) => service, keyOf: ({ id }) => id });
    },
    getService: async ({ caller, params }) => await showOne(db, { tenantId: caller.tenantId, ...params }),
    setParameters: async ({ caller, params, body, effect }) =>
      await effect(async (tx) => {
        const which = { tenantId: caller.tenantId, ...params };
        await setParameters(tx, { ...which, env: body.env });
        return await showOne(tx, which);
      }),
    listInstances: async ({ caller, params, query }) => {
      await getService(db, { tenantId: caller.tenantId, ...params });
      const { after, rows } = pageStart(query);
      const all = await instancesOf(db, params.serviceId);
      const rest = after === null ? all : all.filter((instance) => keyOf(instance) > after);
      return toPage(rest.slice(0, rows), query, { show: (instance) => instance, keyOf });
    },
    listRevisions: async ({ caller, params, query }) => {
      await getService(db, { tenantId: caller.tenantId, ...params });
      const { after, rows: limit } = pageStart(query);
      const rows = await listRevisions(db, { tenantId: caller.tenantId, ...params, after, limit });
      return toPage(rows, query, { show: (revision) => revision, keyOf: ({ id }) => id });
    },
    readLogs: async ({ caller, params, query, headers }) => {
      const service = await getService(db, { tenantId: caller.tenantId, ...params });
      const { lines, follow } = query;
      return await readLogs({
        serviceId: service.id,
        hosts: await hostsWithLogs(db, service, query.host),
        lines,
        follow,
        credentials: credentialsIn(headers),
        forwarded: headers[forwardedHeader] !== undefined,
      });
    },
  };
}

const keyOf = ({ hostName, letter }: Instance): string => `${hostName}/${letter}`;

async function showOne(db: Kysely<Database>, which: Parameters<typeof getService>[1]): Promise<Service> {
  const [shown] = await showAll(db, [await getService(db, which)]);
  return shown!;
}

async function showAll(db: Kysely<Database>, services: readonly StoredService[]): Promise<Service[]> {
  const ids = services.flatMap(({ revisionId }) => (revisionId === null ? [] : [revisionId]));
  const revisions = await readRevisions(db, ids);
  return services.map((service) =>
    showService(service, service.revisionId === null ? null : (revisions.get(service.revisionId) ?? null)),
  );
}

async function hostsWithLogs(db: Kysely<Database>, service: StoredService, host: string | undefined) {
  const hosts = new Map<HostId, string>();
  for (const { hostId, hostName } of await instancesOf(db, service.id)) {
    if (host === undefined || host === hostName) hosts.set(hostId, hostName);
  }
  if (hosts.size === 0) {
    const where = host === undefined ? "any host" : `host ${host}`;
    throw new PlatformError("NOT_FOUND", { resource: `instance of ${service.name} on ${where}` });
  }
  return [...hosts].map(([hostId, name]) => ({ hostId, name }));
}
