/**
 * All gateways that are connected to this replica.
 * 1. A table is rendered from the database and pushed only while this replica's lease lives; a gateway refuses whatever is older than what it has.
 * 2. A push goes out after every notification of the workspace; pushes of one workspace run one after another, and those that came meanwhile become one.
 * 3. A gateway's word counts only on its newest connection.
 * 4. After a restore the table is as old as the backup: a gateway keeps the one it has until the hosts have said what runs there, or
 *    none more has for half a minute (`wait.ts`). Whether they have is asked before the table is rendered, so that what the last one said is in it.
 */
import { GatewayMessage, type GatewayOrder } from "@evenkeel/contracts/gateway-protocol";
import type { GatewayId, WorkspaceId } from "@evenkeel/contracts/id";
import type { InstanceKey, RouteTable } from "@evenkeel/contracts/route-table";
import type { ReplicaLease } from "@evenkeel/kit/lease";
import type { Log } from "@evenkeel/kit/log";
import type { Listener } from "@evenkeel/kit/notify";
import type { Kysely } from "kysely";
import type { WebSocket } from "ws";
import { readSilence } from "../backup/index.ts";
import type { Database } from "../database.ts";
import type { UpgradeHandler } from "../http/index.ts";
import { acceptLinks, Link, Pulse } from "../link/index.ts";
import { instancesToCut, type OpenKey, ROUTES_CHANNEL, renderTable } from "../route/index.ts";
import type { GatewaySample } from "../sample/index.ts";
import {
  endGatewaySession,
  GATEWAY_SESSION_CHANNEL,
  type GatewayConnection,
  type LinkedGateway,
  readGatewayEpochs,
  recordApplied,
  storeDraining,
  storeReached,
  takeGatewaySession,
} from "./store.ts";
import { type Wait, waitFor } from "./wait.ts";

export interface GatewayLinksOptions {
  readonly db: Kysely<Database>;
  readonly lease: ReplicaLease;
  readonly notifications: Listener;
  readonly authenticate: (credential: string) => Promise<LinkedGateway | null>;
  /** Opens keys of certificates, which gateways alone get. */
  readonly openKey: OpenKey;
  readonly record: (samples: readonly GatewaySample[]) => void;
  readonly log: Log;
  readonly nowMs: () => number;
}

type GatewaySocket = Link<GatewayMessage, GatewayOrder>;
type Hello = Extract<GatewayMessage, { kind: "hello" }>;

interface Held {
  readonly connection: GatewayConnection;
  readonly link: GatewaySocket;
  /** The newest table that it has or was sent. */
  has: { epoch: number; version: number };
  cut: Set<InstanceKey>;
  /** It came with a table of its own, and was sent none yet. */
  keeps: boolean;
}

const HELLO_WITHIN_MS = 5000;
const CLOSE_WITHIN_MS = 4000;
const RETRY_MS = 300;
const REFUSED_RETRY_MS = 2000;
const NOTHING = { epoch: 0, version: 0 };

export class GatewayLinks {
  readonly upgrade: UpgradeHandler;
  readonly #options: GatewayLinksOptions;
  readonly #sockets = new Set<GatewaySocket>();
  readonly #held = new Map<GatewayId, Held>();
  readonly #pushing = new Map<WorkspaceId, { again: boolean }>();
  readonly #waits = new Map<WorkspaceId, Wait>();
  readonly #pulse: Pulse;
  readonly #stop: (() => void)[];
  #closed = false;

  constructor(options: GatewayLinksOptions) {
    this.#options = options;
    const { lease, notifications, log } = options;
    this.upgrade = acceptLinks({
      ready: () => !this.#closed && lease.held,
      authenticate: options.authenticate,
      open: (socket, gateway) => this.#open(socket, gateway),
      log,
    });
    this.#stop = [
      notifications.on(ROUTES_CHANNEL, (workspaceId) => this.#routesMoved(workspaceId as WorkspaceId | null)),
      notifications.on(GATEWAY_SESSION_CHANNEL, (payload) => this.#sessionMoved(payload)),
    ];
    lease.onLost(() => this.#dropAll());
    this.#pulse = new Pulse(this.#sockets, options.nowMs);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#pulse.stop();
    for (const stop of this.#stop) stop();
    for (const socket of this.#sockets) socket.close(1001, "going away");
    const overdue = setTimeout(() => this.#dropAll(), 1000);
    const deadlineMs = this.#options.nowMs() + CLOSE_WITHIN_MS;
    while (this.#sockets.size > 0 && this.#options.nowMs() < deadlineMs)
      await new Promise((resolve) => setTimeout(resolve, 20));
    clearTimeout(overdue);
  }

  #dropAll(): void {
    for (const socket of this.#sockets) socket.terminate();
  }

  #open(socket: WebSocket, gateway: LinkedGateway): void {
    const { log, nowMs } = this.#options;
    const peer = gateway.gatewayId;
    const link: GatewaySocket = new Link(socket, {
      peer,
      read: (value) => GatewayMessage.safeParse(value),
      log,
      nowMs,
    });
    this.#sockets.add(link);
    const late = setTimeout(() => link.terminate(), HELLO_WITHIN_MS);
    let held: Held | null = null;
    link.handle({
      immediate: (message) => message.kind === "heartbeat" || this.#takeStatistics(held, message),
      message: async (message) => {
        if (held !== null) return await this.#message(held, message);
        if (message.kind !== "hello") return;
        clearTimeout(late);
        held = await this.#greet(link, gateway, message);
      },
      closed: async () => {
        clearTimeout(late);
        if (held !== null) await this.#ended(held);
        this.#sockets.delete(link);
      },
    });
  }

  async #greet(link: GatewaySocket, gateway: LinkedGateway, hello: Hello): Promise<Held | null> {
    const { db, lease, log } = this.#options;
    const connection =
      hello.gatewayId === gateway.gatewayId
        ? await takeGatewaySession(db, gateway, { hello, replicaId: lease.id })
        : null;
    if (connection === null) {
      log.warn({ gatewayId: gateway.gatewayId, says: hello.gatewayId }, "a gateway was refused");
      link.close(1008, "refused");
      return null;
    }
    const has = { epoch: hello.epoch, version: hello.tableVersion };
    const held: Held = { connection, link, has, cut: new Set(), keeps: has.version > 0 };
    this.#held.get(gateway.gatewayId)?.link.terminate();
    this.#held.set(gateway.gatewayId, held);
    this.#push(gateway.workspaceId);
    return held;
  }

  async #ended(held: Held): Promise<void> {
    const { gatewayId } = held.connection;
    if (this.#held.get(gatewayId) === held) this.#held.delete(gatewayId);
    await endGatewaySession(this.#options.db, held.connection);
  }

  async #message(held: Held, message: GatewayMessage): Promise<void> {
    const { db } = this.#options;
    const { connection } = held;
    switch (message.kind) {
      case "applied":
        return await recordApplied(db, connection, message);
      case "refused":
        return this.#refused(held, message);
      case "draining":
        return await storeDraining(db, connection, message);
      case "reached":
        return await storeReached(db, connection, message);
      case "hello":
      case "heartbeat":
      case "statistics":
        return;
    }
  }

  /** It has a newer table, or could not store this one: whatever it was, it is told what stands a little later. */
  #refused({ connection, link }: Held, { tableVersion, problem }: Extract<GatewayMessage, { kind: "refused" }>): void {
    const { gatewayId, workspaceId } = connection;
    this.#options.log.warn({ gatewayId, tableVersion, problem }, "a gateway refused a table");
    setTimeout(() => {
      const held = this.#held.get(gatewayId);
      if (held?.link !== link) return;
      held.has = NOTHING;
      this.#push(workspaceId);
    }, REFUSED_RETRY_MS).unref();
  }

  #takeStatistics(held: Held | null, message: GatewayMessage): boolean {
    if (message.kind !== "statistics") return false;
    if (held === null) return true;
    const { gatewayId, workspaceId } = held.connection;
    const { windowMs } = message;
    this.#options.record(message.rows.map((row) => ({ ...row, gatewayId, workspaceId, windowMs })));
    return true;
  }

  #routesMoved(workspaceId: WorkspaceId | null): void {
    const all = [...this.#held.values()].map(({ connection }) => connection.workspaceId);
    for (const one of new Set(workspaceId === null ? all : [workspaceId])) this.#push(one);
  }

  #push(workspaceId: WorkspaceId): void {
    const running = this.#pushing.get(workspaceId);
    if (running !== undefined) {
      running.again = true;
      return;
    }
    if ([...this.#held.values()].some(({ connection }) => connection.workspaceId === workspaceId)) {
      void this.#pushAll(workspaceId);
    }
  }

  async #pushAll(workspaceId: WorkspaceId): Promise<void> {
    const state = { again: true };
    this.#pushing.set(workspaceId, state);
    try {
      while (state.again) {
        state.again = false;
        await this.#pushOnce(workspaceId);
      }
    } catch (error) {
      this.#options.log.warn({ err: error, workspaceId }, "a table could not be pushed");
      if (!this.#closed) setTimeout(() => this.#push(workspaceId), RETRY_MS);
    }
    this.#pushing.delete(workspaceId);
  }

  async #pushOnce(workspaceId: WorkspaceId): Promise<void> {
    const { db, lease, openKey } = this.#options;
    const keeping = await this.#keeping(workspaceId);
    const told = this.#heldIn(workspaceId).filter((held) => !keeping.has(held));
    if (told.length === 0) return;
    const table = await renderTable(db, workspaceId, openKey);
    const cut = await instancesToCut(db, workspaceId);
    if (!lease.held) return;
    for (const held of told) {
      held.keeps = false;
      if (isNewer(table, held.has)) {
        held.has = { epoch: table.epoch, version: table.version };
        held.link.send({ kind: "table", table });
      }
      for (const instance of cut) if (!held.cut.has(instance)) held.link.send({ kind: "cut", instance });
      held.cut = new Set(cut);
    }
  }

  #heldIn(workspaceId: WorkspaceId): Held[] {
    return [...this.#held.values()].filter(({ connection }) => connection.workspaceId === workspaceId);
  }

  /** The gateways that go on by a table of an earlier generation for now. */
  async #keeping(workspaceId: WorkspaceId): Promise<ReadonlySet<Held>> {
    const candidates = this.#heldIn(workspaceId).filter(({ keeps }) => keeps);
    if (candidates.length === 0) return new Set();
    const { epoch, hosts } = await readSilence(this.#options.db, workspaceId);
    if (!this.#isWaiting(workspaceId, hosts)) return new Set();
    return new Set(candidates.filter(({ has }) => has.epoch < epoch));
  }

  #isWaiting(workspaceId: WorkspaceId, silent: number): boolean {
    const { log, nowMs } = this.#options;
    const before = this.#waits.get(workspaceId);
    const wait = waitFor(silent, before, nowMs());
    if (wait === null) return false;
    if (before === undefined)
      log.info({ workspaceId, hosts: silent }, "gateways keep their table until hosts are back");
    this.#waits.set(workspaceId, wait);
    const leftMs = wait.untilMs - nowMs();
    if (wait !== before) setTimeout(() => this.#push(workspaceId), leftMs + 1).unref();
    return leftMs > 0;
  }

  async #checkSessions(): Promise<void> {
    // Those that connect during the query are newer than its answer.
    const held = [...this.#held.values()];
    const ids = held.map(({ connection }) => connection.gatewayId);
    const newest = await readGatewayEpochs(this.#options.db, ids);
    for (const { connection, link } of held) {
      if (newest.get(connection.gatewayId) !== connection.connectionEpoch) link.terminate();
    }
  }

  async #sessionMoved(payload: string | null): Promise<void> {
    if (payload === null) return await this.#checkSessions();
    const { gatewayId, connectionEpoch } = JSON.parse(payload) as { gatewayId: GatewayId; connectionEpoch: number };
    const held = this.#held.get(gatewayId);
    if (held !== undefined && held.connection.connectionEpoch < connectionEpoch) held.link.terminate();
  }
}

const isNewer = (table: RouteTable, has: Held["has"]): boolean =>
  table.epoch > has.epoch || (table.epoch === has.epoch && table.version > has.version);
