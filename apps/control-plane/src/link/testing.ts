import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { Outcome } from "@evenkeel/contracts/agent-protocol";
import { AGENT_LINK_PATH } from "@evenkeel/contracts/agent-protocol";
import { GATEWAY_LINK_PATH, type GatewayMessage, GatewayOrder } from "@evenkeel/contracts/gateway-protocol";
import {
  ApplicationId,
  type CommandId,
  GatewayId,
  HostId,
  newId,
  type ServiceId,
  TenantId,
  WorkspaceId,
} from "@evenkeel/contracts/id";
import { ServiceDefinition } from "@evenkeel/contracts/service";
import { systemClock } from "@evenkeel/kit/clock";
import { openReplicaLease, type ReplicaLease } from "@evenkeel/kit/lease";
import { createLog } from "@evenkeel/kit/log";
import { openListener } from "@evenkeel/kit/notify";
import { inTransaction, json } from "@evenkeel/kit/sql";
import type { FakeAgent, FakeLink } from "@evenkeel/testkit/fake-agent";
import type { Kysely } from "kysely";
import { WebSocket } from "ws";
import { type AgentConnections, AgentLinks, type AgentListener } from "../agent-link/index.ts";
import { WindowRecorder } from "../base-window/index.ts";
import { keySeal } from "../certificate/index.ts";
import type { Database } from "../database.ts";
import { findGatewayByCredential } from "../gateway/index.ts";
import { GatewayLinks } from "../gateway-link/index.ts";
import { findHostsByCredential } from "../host/index.ts";
import { routeUpgrades } from "../http/index.ts";
import { secretDigest } from "../principal/index.ts";
import { type GatewaySample, SampleRecorder } from "../sample/index.ts";
import { upsertService } from "../service/index.ts";

/** What a replica's listener has heard, in order. */
export interface Heard {
  readonly started: CommandId[];
  readonly outcomes: { commandId: CommandId; outcome: Outcome }[];
  readonly revoked: { commandId: CommandId; revoked: boolean }[];
  readonly hosts: { hostId: HostId; online: boolean }[];
}

/** A replica's links on a port of their own, with everything real but the kernel behind them. */
export interface TestReplica {
  readonly url: string;
  readonly lease: ReplicaLease;
  readonly agents: AgentLinks;
  readonly heard: Heard;
  readonly recorder: SampleRecorder;
  /** Ends it without a goodbye: nothing is written, the lease runs out. */
  close(): Promise<void>;
}

export interface ReplicaOptions {
  readonly db: Kysely<Database>;
  readonly url: string;
  readonly listener?: Partial<AgentListener>;
  readonly connections?: AgentConnections;
  readonly leaseTtlMs?: number;
  /** The monotonic clock; moved by tests. */
  readonly nowMs?: () => number;
}

export async function startReplica(options: ReplicaOptions): Promise<TestReplica> {
  const { db, url, listener = {}, connections = new Map(), leaseTtlMs, nowMs } = options;
  const log = createLog({ part: "test", level: process.env.TEST_LOG ?? "silent" });
  const onError = (error: unknown): void => log.warn({ err: error });
  const clock = { ...systemClock(db), ...(nowMs === undefined ? {} : { monotonicMs: nowMs }) };
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const ownUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const ttl = leaseTtlMs === undefined ? {} : { ttlMs: leaseTtlMs, renewMs: leaseTtlMs / 4 };
  const lease = await openReplicaLease({ db, clock, url: ownUrl, version: "test", onError, ...ttl });
  const notifications = await openListener({ connectionString: url, onError });
  const heard: Heard = { started: [], outcomes: [], revoked: [], hosts: [] };
  const windows = new WindowRecorder({ db, lease, log });
  const common = { db, lease, notifications, log, nowMs: () => clock.monotonicMs() };
  const agents = new AgentLinks({
    ...common,
    authenticate: async (credential) => (await findHostsByCredential(db, [secretDigest(credential)]))[0] ?? null,
    listener: { ...recordInto(heard), ...listener },
    recordWindows: (host, told) => windows.add(host, told),
    connections,
  });
  const recorder = new SampleRecorder({ db, lease, log });
  const gateways = new GatewayLinks({
    ...common,
    authenticate: (credential) => findGatewayByCredential(db, secretDigest(credential)),
    openKey: keySeal(null).open,
    record: (samples: readonly GatewaySample[]) => recorder.add(samples),
  });
  routeUpgrades(server, {
    [`/api/v1${AGENT_LINK_PATH}`]: agents.upgrade,
    [`/api/v1${GATEWAY_LINK_PATH}`]: gateways.upgrade,
  });
  return {
    url: ownUrl,
    lease,
    agents,
    heard,
    recorder,
    close: async () => {
      await agents.close();
      await gateways.close();
      await recorder.close();
      await windows.close();
      await notifications.close();
      await lease.close();
      server.close();
      server.closeAllConnections();
    },
  };
}

function recordInto(heard: Heard): AgentListener {
  return {
    started: async (commandId) => void heard.started.push(commandId),
    outcome: async ({ commandId }, outcome) => void heard.outcomes.push({ commandId, outcome }),
    revoked: async (commandId, revoked) => void heard.revoked.push({ commandId, revoked }),
    output: async () => undefined,
    hostChanged: async (hostId, online) => void heard.hosts.push({ hostId, online }),
  };
}

/** The ids of a small world. */
export interface Seed {
  readonly tenantId: TenantId;
  readonly workspaceId: WorkspaceId;
  readonly applicationId: ApplicationId;
}

/** A tenant with a workspace of two zones and an application. */
export async function seed(db: Kysely<Database>, name = "one"): Promise<Seed> {
  const tenantId = newId(TenantId, "ten");
  const workspaceId = newId(WorkspaceId, "wsp");
  const applicationId = newId(ApplicationId, "app");
  await db.insertInto("tenant").values({ id: tenantId, name }).execute();
  await db
    .insertInto("workspace")
    .values({ id: workspaceId, tenant_id: tenantId, name: "local", region: "local", zones: json(["a", "b"]) })
    .execute();
  await db
    .insertInto("application")
    .values({
      id: applicationId,
      tenant_id: tenantId,
      name: "shop",
      owner: "admin",
      group: "",
      level: 3,
      tags: json([]),
      metadata: json({}),
    })
    .execute();
  return { tenantId, workspaceId, applicationId };
}

/** A host whose credential is its name. */
export async function seedHost(
  db: Kysely<Database>,
  { tenantId, workspaceId }: Pick<Seed, "tenantId" | "workspaceId">,
  name: string,
): Promise<HostId> {
  const id = newId(HostId, "host");
  await db
    .insertInto("host")
    .values({
      id,
      tenant_id: tenantId,
      workspace_id: workspaceId,
      name,
      zone: "a",
      address: "127.0.0.1",
      labels: json({}),
      credential_digest: secretDigest(name),
    })
    .execute();
  return id;
}

/** A gateway whose credential is its name. */
export async function seedGateway(db: Kysely<Database>, seeded: Seed, name: string): Promise<GatewayId> {
  const id = newId(GatewayId, "gtw");
  await db
    .insertInto("gateway")
    .values({
      id,
      tenant_id: seeded.tenantId,
      workspace_id: seeded.workspaceId,
      name,
      credential_digest: secretDigest(name),
    })
    .execute();
  return id;
}

export async function seedService(db: Kysely<Database>, seeded: Seed, name: string): Promise<ServiceId> {
  const definition = ServiceDefinition.parse({});
  return (await inTransaction(db, (tx) => upsertService(tx, { ...seeded, name, definition }))).id;
}

/** An agent's end of a real link. */
export interface AgentSocket {
  readonly socket: WebSocket;
  readonly link: FakeLink;
  /** Kinds of the orders that came, in order. */
  readonly orders: { kind: string; [field: string]: unknown }[];
  readonly closed: Promise<{ code: number }>;
  close(): Promise<void>;
}

/** Connects a fake agent, whose protocol is the real one, over a real WebSocket. */
export async function connectAgent(
  replica: Pick<TestReplica, "url">,
  agent: FakeAgent,
  credential: string,
): Promise<AgentSocket> {
  const socket = await openSocket(`${replica.url}/api/v1${AGENT_LINK_PATH}`, credential);
  const orders: AgentSocket["orders"] = [];
  const link = agent.connect();
  socket.on("message", (data) => {
    const order = JSON.parse(data.toString());
    orders.push(order);
    link.send(order);
  });
  link.onMessage((message) => socket.send(JSON.stringify(message)));
  const closed = new Promise<{ code: number }>((resolve) => socket.on("close", (code) => resolve({ code })));
  socket.on("close", () => link.close());
  const close = async (): Promise<void> => {
    socket.close();
    await closed;
  };
  return { socket, link, orders, closed, close };
}

export async function openSocket(url: string, credential: string): Promise<WebSocket> {
  const socket = new WebSocket(url.replace("http", "ws"), { headers: { authorization: `Bearer ${credential}` } });
  // Handlers are set only after the connection stands; nothing that comes before may get lost.
  await new Promise<void>((resolve, reject) => {
    socket.once("open", () => resolve());
    socket.once("error", reject);
  });
  socket.on("error", () => undefined);
  return socket;
}

/** A gateway's end of a real link. */
export interface GatewaySocket {
  readonly socket: WebSocket;
  readonly orders: GatewayOrder[];
  send(message: GatewayMessage): void;
  close(): Promise<void>;
}

export async function connectGateway(
  replica: TestReplica,
  gatewayId: GatewayId,
  { credential, epoch = 0, tableVersion = 0 }: { credential: string; epoch?: number; tableVersion?: number },
): Promise<GatewaySocket> {
  const socket = await openSocket(`${replica.url}/api/v1${GATEWAY_LINK_PATH}`, credential);
  const orders: GatewayOrder[] = [];
  socket.on("message", (data) => orders.push(GatewayOrder.parse(JSON.parse(data.toString()))));
  const send = (message: GatewayMessage): void => socket.send(JSON.stringify(message));
  const sentAt = new Date().toISOString();
  const hello = { kind: "hello", protocol: 1, gatewayId, driver: "node", gatewayVersion: "test" } as const;
  send({ ...hello, epoch, tableVersion, sentAt });
  const close = async (): Promise<void> => {
    const closed = new Promise((resolve) => socket.once("close", resolve));
    socket.close();
    await closed;
  };
  return { socket, orders, send, close };
}

/** Waits until it is so; the test's own time-out ends a wait that is in vain. */
export async function until<T>(look: () => T | Promise<T>): Promise<NonNullable<T>> {
  for (;;) {
    const seen = await look();
    if (seen) return seen;
    await sleep(10);
  }
}
