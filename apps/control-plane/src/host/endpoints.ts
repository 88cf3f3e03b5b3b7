import { PlatformError } from "@evenkeel/contracts/error";
import type { Host } from "@evenkeel/contracts/host";
import { type HostId, Moment } from "@evenkeel/contracts/id";
import { say } from "@evenkeel/contracts/phrase";
import { mayDo } from "@evenkeel/contracts/principal";
import type { Kysely, Transaction } from "kysely";
import { closeConnections } from "../agent-link/index.ts";
import type { Database } from "../database.ts";
import { type Handlers, pageStart, toPage } from "../http/index.ts";
import { newSecret, secretDigest } from "../principal/index.ts";
import { putUpstreams } from "../route/index.ts";
import { readHostSamples } from "../sample/index.ts";
import { servicesOn } from "../service/index.ts";
import { type HostRow, showHost } from "./show.ts";
import {
  admitHost,
  deleteHost,
  editHost,
  insertHost,
  insertJoinToken,
  readHost,
  readHosts,
  upstreamsOn,
  useJoinToken,
  type WhichHost,
} from "./store.ts";
import { type HostWatchDeps, watchHost } from "./watch.ts";

/** Throws `LOCK_HELD` if a change holds this resource, in either mode. */
export type RefuseLocked = (tx: Transaction<Database>, resource: string) => Promise<void>;

export interface HostDeps extends HostWatchDeps {
  readonly refuseLocked: RefuseLocked;
}

type Watching = "watchHost" | "listHostSamples";
type Operations =
  | Watching
  | "listHosts"
  | "getHost"
  | "editHost"
  | "admitHost"
  | "removeHost"
  | "createJoinToken"
  | "joinHost";

function watchHandlers(deps: HostWatchDeps): Handlers<Watching> {
  const { db } = deps;
  return {
    watchHost: async ({ caller, params: { hostId }, headers, signal }) => {
      const { tenantId } = caller;
      await readHost(db, { tenantId, hostId });
      const last = headers["last-event-id"];
      const after = typeof last === "string" && Moment.safeParse(last).success ? last : null;
      return watchHost(deps, { tenantId, hostId, after, services: mayDo(caller.may, "service:read"), signal });
    },
    listHostSamples: async ({ caller, params: { hostId }, query }) => {
      const which = { tenantId: caller.tenantId, hostId };
      await readHost(db, which);
      return { items: await readHostSamples(db, { ...which, ...query }), nextCursor: null };
    },
  };
}

export function hostHandlers(deps: HostDeps): Handlers<Operations> {
  const { db, refuseLocked, readings } = deps;
  const show = (row: HostRow): Host => showHost({ ...row, ...readings(row.id) });
  const showOne = async (tx: Kysely<Database>, which: WhichHost): Promise<Host> => show(await readHost(tx, which));
  return {
    ...watchHandlers(deps),
    listHosts: async ({ caller, query }) => {
      const { workspace, name } = query;
      const rows = await readHosts(db, { tenantId: caller.tenantId, workspace, name, ...pageStart(query) });
      return toPage(rows, query, { show, keyOf: ({ id }) => id });
    },
    getHost: async ({ caller, params }) => await showOne(db, { tenantId: caller.tenantId, ...params }),
    editHost: async ({ caller, params, body, effect }) =>
      await effect(async (tx) => {
        const which = { tenantId: caller.tenantId, ...params };
        await editHost(tx, which, body);
        return await showOne(tx, which);
      }),
    admitHost: async ({ caller, params, effect }) =>
      await effect(async (tx) => {
        const which = { tenantId: caller.tenantId, ...params };
        if (!(await admitHost(tx, which))) throw notNow("admit", await showOne(tx, which));
        return await showOne(tx, which);
      }),
    removeHost: async ({ caller, params, effect }) => {
      await effect(async (tx) => {
        await removeHost(tx, { tenantId: caller.tenantId, ...params }, refuseLocked);
        return undefined;
      });
    },
    createJoinToken: async ({ caller, body, effect }) => {
      const token = newSecret();
      return await effect(async (tx) => ({
        token,
        expiresAt: await insertJoinToken(tx, { ...body, tenantId: caller.tenantId, digest: secretDigest(token) }),
      }));
    },
    joinHost: async ({ body, effect, audit }) => {
      const credential = newSecret();
      return await effect(async (tx) => {
        const token = { digest: secretDigest(body.token), joins: "host" as const, usedBy: body.name };
        const place = await useJoinToken(tx, token);
        const hostId: HostId = await insertHost(tx, { ...body, credentialDigest: secretDigest(credential), place });
        audit.resource = `host/${hostId}`;
        audit.as = { tenantId: place.tenantId, principal: `host ${body.name}`, action: "host:join" };
        return { hostId, credential };
      });
    },
  };
}

/** A host that is away for good can always be removed; what it served leaves the routes with it. */
async function removeHost(tx: Transaction<Database>, which: WhichHost, refuseLocked: RefuseLocked): Promise<void> {
  const row = await readHost(tx, which);
  await refuseLocked(tx, `host/${row.id}`);
  const services = row.connectedAt === null ? [] : await servicesOn(tx, row.id);
  if (services.length > 0) {
    const allowed = say("allowed.nothing-until");
    const state = say("state.running", { services });
    throw new PlatformError("ACTION_NOT_ALLOWED", { action: "remove", resource: `host ${row.name}`, state, allowed });
  }
  const upstreams = await upstreamsOn(tx, row.id);
  if (upstreams.length > 0) {
    const remove = upstreams.map(({ instance }) => instance);
    await putUpstreams(tx, { tenantId: which.tenantId, workspaceId: row.workspaceId, put: [], drain: [], remove });
  }
  await deleteHost(tx, row.id);
  await closeConnections(tx, row.id);
}

function notNow(action: string, { name, state, allowedActions }: Host): PlatformError {
  return new PlatformError("ACTION_NOT_ALLOWED", { action, resource: `host ${name}`, state, allowed: allowedActions });
}
