import type { Command, Outcome } from "@evenkeel/contracts/agent-protocol";
import { ChangeId, CommandId, type HostId, newId, ServiceId, StepId } from "@evenkeel/contracts/id";
import { inTransaction } from "@evenkeel/kit/sql";
import { createFakeAgent, type FakeAgent } from "@evenkeel/testkit/fake-agent";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
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
import { type MigratedDatabase, migratedDatabase, serverKinds } from "../testing.ts";
import { type AgentConnections, commandPort, enqueueCommands } from "./index.ts";

const SUCCEEDED: Outcome = { kind: "succeeded", facts: {}, elapsedMs: 1 };

const command = (): Command => ({
  commandId: newId(CommandId, "cmd"),
  changeId: newId(ChangeId, "chg"),
  stepId: newId(StepId, "stp"),
  attempt: 1,
  slot: newId(ServiceId, "svc"),
  fence: { epoch: 1, token: 1 },
  type: "no-op",
  input: {},
  deadlineMs: 10_000,
});

describe.each(await serverKinds())("commands to agents that are connected here, on %s", (kind) => {
  let database: MigratedDatabase;
  let world: Seed;
  let number = 0;
  const replicas: TestReplica[] = [];
  const agents: FakeAgent[] = [];

  beforeAll(async () => {
    database = await migratedDatabase(kind);
    world = await seed(database.db);
  });
  afterEach(async () => {
    for (const agent of agents.splice(0)) agent.stop();
    for (const replica of replicas.splice(0)) await replica.close();
  });
  afterAll(async () => await database.close());

  async function replica(connections: AgentConnections = new Map()): Promise<TestReplica> {
    const made = await startReplica({ db: database.db, url: database.url, connections });
    replicas.push(made);
    return made;
  }
  async function host(): Promise<{ hostId: HostId; name: string }> {
    number += 1;
    const name = `h${number}`;
    return { hostId: await seedHost(database.db, world, name), name };
  }
  function agentOf(hostId: HostId, options: Partial<Parameters<typeof createFakeAgent>[0]> = {}): FakeAgent {
    const made = createFakeAgent({ hostId, run: async () => SUCCEEDED, ...options });
    agents.push(made);
    return made;
  }
  const outgoing = (hostId: HostId, commands: readonly Command[]) =>
    commands.map((one) => ({ tenantId: world.tenantId, hostId, command: one }));
  const rows = (hostId: HostId) =>
    database.db.selectFrom("command").select(["id", "state"]).where("host_id", "=", hostId).execute();
  const commandsOf = (socket: AgentSocket) => socket.orders.filter((order) => order.kind === "command");

  test("a command to a host that is connected here leaves with the commit, without another word of the database", async () => {
    const connections: AgentConnections = new Map();
    const holder = await replica(connections);
    const { hostId, name } = await host();
    const socket = await connectAgent(holder, agentOf(hostId), name);
    await until(() => connections.get(hostId)?.ready);
    const one = command();
    const delivery = await inTransaction(database.db, async (tx) => {
      const made = await commandPort(connections).enqueue(tx, outgoing(hostId, [one]));
      expect(commandsOf(socket)).toEqual([]);
      return made;
    });
    expect(await rows(hostId)).toEqual([{ id: one.commandId, state: "sent" }]);
    delivery.send();
    await until(async () => (await rows(hostId))[0]!.state === "ended");
    expect(commandsOf(socket)).toHaveLength(1);
  });

  test("a command that was marked as sent, and nobody knows whether that is committed, is sent on the next link", async () => {
    const connections: AgentConnections = new Map();
    const holder = await replica(connections);
    const { hostId, name } = await host();
    const agent = agentOf(hostId);
    const first = await connectAgent(holder, agent, name);
    await until(() => connections.get(hostId)?.ready);
    const one = command();
    const delivery = await inTransaction(database.db, (tx) =>
      commandPort(connections).enqueue(tx, outgoing(hostId, [one])),
    );
    delivery.doubt();
    await first.closed;
    expect(commandsOf(first)).toEqual([]);
    await connectAgent(holder, agent, name);
    await until(() => holder.heard.outcomes.length);
    expect(holder.heard.outcomes).toEqual([{ commandId: one.commandId, outcome: SUCCEEDED }]);
  });

  test("a command that was marked for an older connection is delivered by the newest one, once", async () => {
    const connections: AgentConnections = new Map();
    const [older, newer] = [await replica(connections), await replica()];
    const { hostId, name } = await host();
    const agent = agentOf(hostId);
    const onOlder = await connectAgent(older, agent, name);
    await until(() => connections.get(hostId)?.ready);
    const gone = connections.get(hostId)!;
    await onOlder.close();
    const onNewer = await connectAgent(newer, agentOf(hostId, { journal: agent.journal }), name);
    await until(() => newer.heard.hosts.some((one) => one.hostId === hostId && one.online));
    const one = command();
    const marked = await inTransaction(database.db, (tx) =>
      enqueueCommands(tx, outgoing(hostId, [one]), () => gone.connection),
    );
    expect([...marked]).toEqual([]);
    await until(() => newer.heard.outcomes.length);
    expect(commandsOf(onNewer)).toHaveLength(1);
    expect(older.heard.outcomes).toEqual([]);
  });
});
