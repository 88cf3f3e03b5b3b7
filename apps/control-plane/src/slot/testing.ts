// A whole control plane on real PostgreSQL, with agents that speak the real protocol and keep instances in memory.

import { type Command, HEARTBEAT_MS, type InstanceReport, type Outcome } from "@evenkeel/contracts/agent-protocol";
import type { Change } from "@evenkeel/contracts/change";
import type { ChangeState } from "@evenkeel/contracts/change-state";
import { Digest, type HostId, newId, PackageId, type RevisionId, type ServiceId } from "@evenkeel/contracts/id";
import { openDatabase } from "@evenkeel/kit/sql";
import { createFakeAgent, type FakeAgent } from "@evenkeel/testkit/fake-agent";
import type { Kysely } from "kysely";
import type { Database } from "../database.ts";
import { type AgentSocket, connectAgent, seedHost, until } from "../link/testing.ts";
import { type Installation, startInstallation } from "../testing.ts";

const SUCCEEDED = { kind: "succeeded" as const, facts: {}, elapsedMs: 1 };

/** What a test does with a command before the host does it. */
export type Interference = (host: string, command: Command) => Promise<Outcome | null> | Outcome | null;

/** A host whose instances are a list. */
export interface FleetHost {
  readonly name: string;
  readonly hostId: HostId;
  /** `revision letter` of what runs there. */
  runs(): string[];
  connect(): Promise<void>;
  cut(): Promise<void>;
}

export class Fleet {
  readonly installation: Installation;
  readonly db: Kysely<Database>;
  readonly hosts: FleetHost[] = [];
  interfere: Interference = () => null;
  /** Version of the package by revision. */
  readonly versions = new Map<RevisionId, string>();

  constructor(installation: Installation) {
    this.installation = installation;
    this.db = openDatabase<Database>({ connectionString: installation.databaseUrl, max: 2 });
  }

  static async start(names: readonly string[]): Promise<Fleet> {
    const fleet = new Fleet(await startInstallation());
    await fleet.call("POST", "/workspaces", { name: "local", region: "here", zones: ["a", "b"] });
    await fleet.call("POST", "/applications", { name: "shop" });
    for (const name of names) await fleet.host(name);
    return fleet;
  }

  // Tests look into replies of every kind.
  // biome-ignore lint/suspicious/noExplicitAny: the reply was checked by its schema on its way out.
  async call(method: string, path: string, body?: unknown): Promise<any> {
    const answer = await this.installation.call(method, path, body === undefined ? {} : { body });
    if (answer.status >= 300) throw Object.assign(new Error(JSON.stringify(answer.body)), { code: answer.body.code });
    return answer.body;
  }

  /** Joins a host and connects its agent. */
  async host(name: string, zone = "a"): Promise<FleetHost> {
    const where = await this.db
      .selectFrom("workspace")
      .select(["id as workspaceId", "tenant_id as tenantId"])
      .where("name", "=", "local")
      .executeTakeFirstOrThrow();
    const hostId = await seedHost(this.db, where, name);
    await this.call("PATCH", `/hosts/${hostId}`, { zone });
    const machine = new Machine(hostId, (command) => this.interfere(name, command));
    const socketOf = async (): Promise<AgentSocket> => {
      const [replica] = this.installation.replicas;
      return await connectAgent({ url: replica?.url ?? "" }, machine.agent, name);
    };
    const host: FleetHost = {
      name,
      hostId,
      runs: () => machine.running().map(({ revisionId }) => this.versions.get(revisionId) ?? revisionId),
      connect: async () => {
        await machine.connect(socketOf);
        await until(async () => (await this.call("GET", `/hosts/${hostId}`)).state === "online");
      },
      cut: async () => {
        await machine.cut();
        await until(async () => (await this.call("GET", `/hosts/${hostId}`)).state === "offline");
      },
    };
    this.hosts.push(host);
    await host.connect();
    return host;
  }

  /** Makes a package of this version known, and plans its release. */
  async planRelease(version: string, more: object = {}): Promise<Change> {
    const { id } = await this.call("GET", "/applications/shop");
    const digest = Digest.parse(`sha256:${version.replaceAll(/\D/g, "").padEnd(64, "0")}`);
    const { tenantId } = await this.db
      .selectFrom("application")
      .select("tenant_id as tenantId")
      .executeTakeFirstOrThrow();
    await this.db
      .insertInto("package")
      .values({
        ...{ id: newId(PackageId, "pkg"), tenant_id: tenantId, application_id: id, version, digest },
        ...{ size_bytes: 1, unpacked_bytes: 1, entries: 1, uploaded_by: "admin" },
      })
      .execute();
    const definition = { start: "node server.js", health: { tcp: true } };
    const spec = { application: "shop", package: { version }, definition, ...more };
    return await this.call("POST", "/changes", { kind: "release-order", spec });
  }

  async release(version: string, more: object = {}): Promise<Change> {
    const { id } = await this.planRelease(version, more);
    await this.start(id);
    return await this.waitFor(id, "succeeded");
  }

  async create(kind: string, spec: object): Promise<Change> {
    return await this.call("POST", "/changes", { kind, spec });
  }

  async start(changeId: string, body: object = {}): Promise<Change> {
    return await this.call("POST", `/changes/${changeId}/start`, body);
  }

  async waitFor(changeId: string, ...states: readonly ChangeState[]): Promise<Change> {
    return await until(async () => {
      const change: Change = await this.call("GET", `/changes/${changeId}`);
      await this.#learn();
      return states.includes(change.state) ? change : null;
    });
  }

  /** All changes of a kind, oldest first. */
  async changesOf(kind: string): Promise<Change[]> {
    const { items } = await this.call("GET", `/changes?kind=${kind}`);
    return (items as Change[]).toReversed();
  }

  async service(): Promise<{
    id: ServiceId;
    revision: { packageVersion: string } | null;
    definition: { hosts: unknown };
  }> {
    return (await this.call("GET", "/services?name=shop")).items[0];
  }

  async #learn(): Promise<void> {
    const rows = await this.db.selectFrom("revision").select(["id", "package_version"]).execute();
    for (const { id, package_version } of rows) this.versions.set(id, package_version);
  }

  async close(): Promise<void> {
    for (const host of this.hosts) await host.cut().catch(() => undefined);
    await this.db.destroy();
    await this.installation.close();
  }
}

/** An agent with instances in memory. */
class Machine {
  readonly #instances = new Map<string, InstanceReport>();
  readonly agent: FakeAgent;
  #socket: AgentSocket | null = null;
  #beat: NodeJS.Timeout | null = null;

  constructor(hostId: HostId, interfere: (command: Command) => ReturnType<Interference>) {
    this.agent = createFakeAgent({
      hostId,
      instances: () => [...this.#instances.values()],
      run: async (command) => (await interfere(command)) ?? this.#do(command),
    });
  }

  running(): InstanceReport[] {
    return [...this.#instances.values()].filter(({ state }) => state !== "stopped");
  }

  async connect(open: () => Promise<AgentSocket>): Promise<void> {
    this.#socket = await open();
    this.#beat = setInterval(() => this.#socket?.link.heartbeat(), HEARTBEAT_MS);
  }

  async cut(): Promise<void> {
    if (this.#beat !== null) clearInterval(this.#beat);
    await this.#socket?.close();
    this.#socket = null;
  }

  #do({ type, slot, input }: Command): Outcome {
    const { letter, revisionId } = input as { letter: "a" | "b"; revisionId: RevisionId };
    const key = `${slot}/${letter}`;
    if (type === "start-instance" && slot !== null) {
      const now = new Date().toISOString();
      const where = { pid: 1, port: letter === "a" ? 20_001 : 20_002, restarts: 0, problem: null, since: now };
      this.#instances.set(key, { slot, letter, revisionId, state: "healthy", ...where });
      this.agent.reportInstances();
      return { ...SUCCEEDED, facts: { address: "127.0.0.1", port: where.port, pid: 1, reused: false } };
    }
    const there = this.#instances.get(key);
    if (type === "stop-instance" && there !== undefined) {
      this.#instances.set(key, { ...there, state: "stopped", pid: null });
      this.agent.reportInstances();
    }
    return SUCCEEDED;
  }
}
