import { type Command, HEARTBEAT_MS, type Outcome } from "@evenkeel/contracts/agent-protocol";
import type { Change } from "@evenkeel/contracts/change";
import type { PlannedApplication, PlannedStep } from "@evenkeel/contracts/change-plan";
import { type ChangeState, isTerminal } from "@evenkeel/contracts/change-state";
import { problemOf } from "@evenkeel/contracts/error";
import { type ChangeId, type Digest, type HostId, Name, ServiceId } from "@evenkeel/contracts/id";
import { Strategy } from "@evenkeel/contracts/strategy";
import { systemClock } from "@evenkeel/kit/clock";
import { createLog } from "@evenkeel/kit/log";
import { openListener } from "@evenkeel/kit/notify";
import { inTransaction } from "@evenkeel/kit/sql";
import { createFakeAgent, type FakeAgent } from "@evenkeel/testkit/fake-agent";
import { sql } from "kysely";
import { z } from "zod";
import { type AgentConnections, commandPort, onlineHosts } from "../agent-link/index.ts";
import { governance } from "../governance/index.ts";
import {
  type AgentSocket,
  connectAgent,
  type Seed,
  seed,
  seedHost,
  startReplica,
  type TestReplica,
  until,
} from "../link/testing.ts";
import { measurements } from "../sample/index.ts";
import type { MigratedDatabase } from "../testing.ts";
import type { ChangeDeps, EndedChange } from "./deps.ts";
import { createExecutor, type Executor } from "./execute/executor.ts";
import { agentListener } from "./execute/settle.ts";
import type { ExitPoint } from "./exit-point.ts";
import type { AgentStep, ChangeKind, ControlStep, Draft, KindRegistry } from "./kind.ts";
import { readChange } from "./read.ts";
import type { Ask } from "./verbs/context.ts";
import { createChange } from "./verbs/plan.ts";
import { start } from "./verbs/start.ts";

// A kind of change that only exists here: a drill on hosts, with a step of each sort. The kernel does not know it by name.

const DrillSpec = z.strictObject({
  hosts: z.array(z.strictObject({ name: z.string(), hostId: z.string() })),
  strategy: Strategy.prefault({}),
  back: z.boolean().default(false),
  lock: z.string().default("drill"),
  free: z.string().optional(),
  applications: z.array(Name).default([]),
  /** The service whose traffic guards look at. */
  slot: ServiceId.nullable().default(null),
});
type DrillSpec = z.infer<typeof DrillSpec>;

const drillStep = (name: string, more: Partial<PlannedStep> = {}): PlannedStep => ({
  name,
  on: "agent",
  type: "drill",
  input: { name },
  timeoutMs: 20_000,
  repeatable: false,
  retryFrom: null,
  traffic: null,
  ...more,
});

/** Bits as if it were a first release. */
const DRILL_BITS = `sha256:${"d".repeat(64)}` as Digest;
const withBits = (name: string): PlannedApplication => ({
  name,
  fromRevisionId: null,
  packageDigest: DRILL_BITS,
  buildpackDigest: DRILL_BITS,
});

const groupOf = ({ strategy, hosts }: DrillSpec): Draft["groups"][number] => ({
  groupId: "g",
  name: "g",
  after: [],
  strategy,
  targetIds: hosts.map(({ name }) => name),
});

/** On the host, in the control plane, and on the host again, which stands for what gives traffic. */
const stepsOf = (verb: string): PlannedStep[] => [
  drillStep(verb),
  drillStep("count", { on: "control", type: "count" }),
  drillStep(`${verb}-more`, { gated: true }),
];

interface DrillWorld {
  readonly seeded: Seed;
  readonly version: string;
}

/** What the drills' world is like; tests move it. */
export const drillBasis = { version: "1", online: true };

function drillKind(seeded: Seed): ChangeKind<DrillSpec, DrillWorld> {
  return {
    kind: "drill",
    parse: (spec) => DrillSpec.parse(spec),
    read: async () => ({ seeded, version: drillBasis.version }),
    workspaceOf: () => seeded.workspaceId,
    locks: ({ lock, free }) => [
      { resource: lock, mode: "exclusive", label: lock },
      ...(free === undefined ? [] : [{ resource: free, mode: "at-start" as const, label: free }]),
    ],
    plan: (spec, { version }): Draft => {
      const verb = spec.back ? "undo" : "do";
      return {
        title: verb,
        applications: spec.applications.map(withBits),
        opening: [],
        closing: [drillStep("close", { on: "control", type: "count" })],
        groups: [groupOf(spec)],
        targets: spec.hosts.map(({ name, hostId }) => ({
          targetId: name,
          name,
          hostId: hostId as HostId,
          zone: "a",
          cell: null,
          slot: spec.slot,
          online: drillBasis.online,
          from: "old",
          to: "new",
          stage: [drillStep("stage")],
          steps: stepsOf(verb),
          clean: [drillStep("clean")],
          reattach: [],
          facts: {},
        })),
        basis: [{ resource: "drill", version, label: "the drill", shown: version }],
        differences: [],
        missing: [],
        warnings: [],
        irreversible: null,
        fromRevisionId: null,
        toRevisionId: null,
        configurationDigest: null,
        expectedMs: null,
        payload: null,
      };
    },
    review: () => null,
    inverse: ({ applications }, touched, { speed }) => ({
      hosts: touched.map(({ name, hostId }) => ({ name, hostId: String(hostId) })),
      strategy: Strategy.parse(speed === "fast" ? { batches: "all" } : { batches: "each" }),
      back: true,
      lock: "drill",
      slot: null,
      applications: applications.map(({ name }) => name),
    }),
  };
}

/** Names of steps that the world stands against. */
export const drillObjections = new Set<string>();

const drill: AgentStep = {
  type: "drill",
  slotless: true,
  objections: async (errands) =>
    errands.map(({ input }) =>
      drillObjections.has(String(input.name)) ? problemOf("INSTANCE_SERVES", { instance: "it" }) : null,
    ),
  command: ({ name }) => ({ type: "run-script", input: { revisionId: null, command: [String(name)], env: {} } }),
  reading: ({ facts }) => facts,
};

/** Counts in the database how often it ran. */
const count: ControlStep = {
  type: "count",
  run: async (_input, { tx }) => {
    await sql`insert into drill_count default values`.execute(tx);
    return {};
  },
  observe: async () => ({ kind: "done" }),
};

export type Behaviour = (step: string, command: Command, host: string) => Promise<Outcome> | Outcome;

export const SUCCEEDED: Outcome = { kind: "succeeded", facts: {}, elapsedMs: 1 };
export const FAILED: Outcome = {
  kind: "failed",
  problem: problemOf("SCRIPT_FAILED", { command: "drill", exit: "1" }),
  elapsedMs: 1,
};

/** One control plane of a test: links, executor, lease. */
export interface Kernel {
  readonly deps: ChangeDeps;
  readonly replica: TestReplica;
  /** Ends it as a kill would: no lease is given back, nothing more is written. */
  kill(): Promise<void>;
  close(): Promise<void>;
}

/** A host of a test with its agent; effects are counted per step name. */
export interface DrillHost {
  readonly name: string;
  readonly hostId: HostId;
  readonly effects: Map<string, number>;
  connect(kernel: Kernel): Promise<void>;
  cut(): Promise<void>;
  /** Kills the agent; the next `connect` goes on from its journal. */
  kill(): Promise<void>;
}

/** A database, hosts with real agent protocol, and as many control planes as a test wants. */
export class Drill {
  readonly database: MigratedDatabase;
  readonly seeded: Seed;
  behave: Behaviour = () => SUCCEEDED;
  /** The ends of changes, as they were told. */
  readonly ended: EndedChange[] = [];
  readonly #kernels = new Set<Kernel>();
  readonly #hosts: DrillHost[] = [];

  constructor(database: MigratedDatabase, seeded: Seed) {
    this.database = database;
    this.seeded = seeded;
  }

  static async begin(database: MigratedDatabase, name: string): Promise<Drill> {
    await sql`create table if not exists drill_count (id serial primary key)`.execute(database.db);
    return new Drill(database, await seed(database.db, name));
  }

  async kernel(at: (point: ExitPoint) => void = () => undefined): Promise<Kernel> {
    const { db, url } = this.database;
    let dead = false;
    const log = createLog({ part: "test", level: process.env.TEST_LOG ?? "silent" });
    const registry: KindRegistry = {
      kinds: new Map([["drill", drillKind(this.seeded) as unknown as ChangeKind]]),
      controlSteps: new Map([["count", count]]),
      agentSteps: new Map([["drill", drill]]),
    };
    const guard = (point: ExitPoint): void => {
      if (dead) throw new Error("this control plane was killed");
      at(point);
    };
    const connections: AgentConnections = new Map();
    let executor: Executor | null = null;
    const settle = agentListener(
      { db, registry, at: guard },
      async (report) => (await executor?.settle(report)) ?? false,
    );
    const replica = await startReplica({ db, url, listener: settle, connections });
    const listener = await openListener({ connectionString: url, onError: () => undefined });
    const deps: ChangeDeps = {
      db,
      listener,
      lease: replica.lease,
      clock: systemClock(db),
      commands: commandPort(connections),
      measurements,
      registry,
      governance,
      log,
      onEnded: [async (_tx, ended) => void this.ended.push(ended)],
      at: guard,
    };
    const working = createExecutor(deps);
    executor = working;
    working.open();
    const kernel: Kernel = {
      deps,
      replica,
      kill: async () => {
        dead = true;
        this.#kernels.delete(kernel);
        await working.abandon();
        // The process is gone: its leases are not, until the database's clock says so.
        await listener.close();
        await replica.agents.close();
      },
      close: async () => {
        this.#kernels.delete(kernel);
        await working.close();
        await listener.close();
        await replica.close();
      },
    };
    this.#kernels.add(kernel);
    return kernel;
  }

  async host(name: string): Promise<DrillHost> {
    const hostId = await seedHost(this.database.db, this.seeded, name);
    const effects = new Map<string, number>();
    let agent: FakeAgent | null = null;
    let socket: AgentSocket | null = null;
    const run = async (command: Command): Promise<Outcome> => {
      const [step = ""] = (command.input as { command: string[] }).command;
      effects.set(step, (effects.get(step) ?? 0) + 1);
      return await this.behave(step, command, name);
    };
    let beat: NodeJS.Timeout | null = null;
    const cut = async (): Promise<void> => {
      if (beat !== null) clearInterval(beat);
      await socket?.close();
      socket = null;
    };
    const host: DrillHost = {
      name,
      hostId,
      effects,
      connect: async (kernel) => {
        await cut();
        const journal = agent === null ? {} : { journal: agent.journal };
        if (agent === null || agent.stopped) agent = createFakeAgent({ hostId, run, ...journal });
        const connected = await connectAgent(kernel.replica, agent, name);
        socket = connected;
        beat = setInterval(() => connected.link.heartbeat(), HEARTBEAT_MS);
        await until(async () => (await onlineHosts(this.database.db, [hostId])).has(hostId));
      },
      cut,
      kill: async () => {
        agent?.stop();
        await cut();
      },
    };
    this.#hosts.push(host);
    return host;
  }

  ask(changeId: ChangeId): Ask {
    return { tenantId: this.seeded.tenantId, changeId, by: "tester", may: () => true };
  }

  async create(
    kernel: Kernel,
    hosts: readonly DrillHost[],
    more: Partial<{ strategy: object; lock: string; free: string; slot: ServiceId; applications: string[] }> = {},
  ): Promise<ChangeId> {
    const spec = { hosts: hosts.map(({ name, hostId }) => ({ name, hostId })), ...more };
    const { tenantId } = this.seeded;
    return await inTransaction(kernel.deps.db, async (tx) =>
      createChange(kernel.deps, tx, { tenantId, by: "tester", body: { kind: "drill", spec } }),
    );
  }

  async run(
    kernel: Kernel,
    hosts: readonly DrillHost[],
    more: Partial<{ strategy: object; lock: string; free: string; slot: ServiceId; applications: string[] }> = {},
  ): Promise<ChangeId> {
    const changeId = await this.create(kernel, hosts, more);
    await start(kernel.deps, this.ask(changeId), {});
    return changeId;
  }

  async show(changeId: ChangeId): Promise<Change> {
    return await readChange(this.database.db, { tenantId: this.seeded.tenantId, changeId });
  }

  async waitFor(changeId: ChangeId, ...states: readonly ChangeState[]): Promise<Change> {
    return await until(async () => {
      const change = await this.show(changeId);
      if (states.includes(change.state)) return change;
      if (isTerminal(change.state)) throw new Error(`the change is ${change.state}: ${JSON.stringify(change.problem)}`);
      return null;
    });
  }

  async counted(): Promise<number> {
    const { rows } = await sql<{ n: number }>`select count(*)::int as n from drill_count`.execute(this.database.db);
    return rows[0]?.n ?? 0;
  }

  async close(): Promise<void> {
    for (const host of this.#hosts) await host.kill();
    for (const kernel of [...this.#kernels]) await kernel.close();
    await this.database.close();
  }
}
