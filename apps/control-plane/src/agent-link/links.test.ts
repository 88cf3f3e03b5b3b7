import type { Command, Outcome } from "@evenkeel/contracts/agent-protocol";
import { ChangeId, CommandId, type HostId, newId, ServiceId, StepId } from "@evenkeel/contracts/id";
import { inTransaction } from "@evenkeel/kit/sql";
import { createFakeAgent, type FakeAgent } from "@evenkeel/testkit/fake-agent";
import { sql } from "kysely";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import {
  connectAgent,
  openSocket,
  type Seed,
  seed,
  seedHost,
  startReplica,
  type TestReplica,
  until,
} from "../link/testing.ts";
import { type MigratedDatabase, migratedDatabase, serverKinds } from "../testing.ts";
import { enqueueCommands, forgetChange, onlineHosts, revokeCommands } from "./index.ts";

const SUCCEEDED: Outcome = { kind: "succeeded", facts: {}, elapsedMs: 1 };

function command(over: Partial<Command> = {}): Command {
  return {
    commandId: newId(CommandId, "cmd"),
    changeId: newId(ChangeId, "chg"),
    stepId: newId(StepId, "stp"),
    attempt: 1,
    slot: newId(ServiceId, "svc"),
    fence: { epoch: 1, token: 1 },
    type: "no-op",
    input: {},
    deadlineMs: 10_000,
    ...over,
  };
}

/** Lets a test decide when a command ends. */
function gate(): { promise: Promise<Outcome>; open: () => void } {
  const { promise, resolve } = Promise.withResolvers<Outcome>();
  return { promise, open: () => resolve(SUCCEEDED) };
}

describe.each(await serverKinds())("the link of agents on %s", (kind) => {
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

  async function replica(options: Partial<Parameters<typeof startReplica>[0]> = {}): Promise<TestReplica> {
    const made = await startReplica({ ...database, ...options });
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
  const enqueue = (hostId: HostId, ...commands: Command[]) =>
    inTransaction(database.db, (tx) =>
      enqueueCommands(
        tx,
        commands.map((one) => ({ tenantId: world.tenantId, hostId, command: one })),
      ),
    );
  const rows = (hostId: HostId) =>
    database.db
      .selectFrom("command")
      .select(["id", "state"])
      .where("host_id", "=", hostId)
      .orderBy("sequence")
      .execute();

  test("a command planned on one replica is delivered by the one that holds the host's connection", async () => {
    const [holder] = [await replica(), await replica()];
    const { hostId, name } = await host();
    await connectAgent(holder, agentOf(hostId), name);
    await until(() => holder.heard.hosts.some((one) => one.hostId === hostId && one.online));
    const one = command();
    await enqueue(hostId, one);
    await until(() => holder.heard.outcomes.length);
    expect(holder.heard.outcomes).toEqual([{ commandId: one.commandId, outcome: SUCCEEDED }]);
    expect(replicas[1]!.heard.outcomes).toEqual([]);
    await until(async () => (await rows(hostId))[0]!.state === "ended");
  });

  test("commands that were enqueued while the host was away are sent in their order when it comes", async () => {
    const { hostId, name } = await host();
    const ran: string[] = [];
    const slot = newId(ServiceId, "svc");
    const commands = [1, 2, 3].map((token) => command({ slot, fence: { epoch: 1, token } }));
    await enqueue(hostId, ...commands);
    const holder = await replica();
    const agent = agentOf(hostId, {
      run: async ({ commandId }) => {
        ran.push(commandId);
        return SUCCEEDED;
      },
    });
    await connectAgent(holder, agent, name);
    await until(() => ran.length === 3);
    expect(ran).toEqual(commands.map(({ commandId }) => commandId));
  });

  test("a replica whose lease is lost delivers nothing, and another one does", async () => {
    // It renews so rarely that it does not find out by itself, as if it had been stopped.
    const stale = await replica({ leaseTtlMs: 600_000 });
    const [other, { hostId, name }] = [await replica(), await host()];
    const agent = agentOf(hostId);
    const onStale = await connectAgent(stale, agent, name);
    await until(() => onStale.orders.some((order) => order.kind === "welcome"));
    await sql`update replica set lease_until = clock_timestamp() - interval '1 second'
      where id = ${stale.lease.id}`.execute(database.db);
    expect(stale.lease.held).toBe(true);
    expect(await onlineHosts(database.db, [hostId])).toEqual(new Set());
    const one = command();
    await enqueue(hostId, one);
    // The agent asks elsewhere while its old link still stands.
    const parallel = agentOf(hostId, { journal: agent.journal });
    await connectAgent(other, parallel, name);
    await until(() => other.heard.outcomes.length);
    expect(other.heard.outcomes[0]!.commandId).toBe(one.commandId);
    expect(onStale.orders.filter((order) => order.kind === "command")).toEqual([]);
    expect(stale.heard.outcomes).toEqual([]);
  });

  test("an outcome is acknowledged only after the listener has stored it, and a repeated one is stored once", async () => {
    let storing = gate();
    const [asked, stored]: [string[], string[]] = [[], []];
    const holder = await replica({
      listener: {
        outcome: async ({ commandId }) => {
          asked.push(commandId);
          await storing.promise;
          stored.push(commandId);
        },
      },
    });
    const { hostId, name } = await host();
    const agent = agentOf(hostId);
    const first = await connectAgent(holder, agent, name);
    const [one, probe] = [command(), command()];
    await enqueue(hostId, one);
    await until(() => asked.length === 1);
    // Orders keep their sequence: an acknowledgement would have come before the next command.
    await enqueue(hostId, probe);
    await until(() => first.orders.filter((order) => order.kind === "command").length === 2);
    expect(first.orders.some((order) => order.kind === "acknowledge")).toBe(false);
    // The link is cut before the acknowledgement: the agent says it again on the next one.
    first.socket.terminate();
    await first.closed;
    storing.open();
    await until(() => stored.length >= 1);
    storing = gate();
    storing.open();
    const second = await connectAgent(holder, agent, name);
    await until(() => agent.journal.open().length === 0);
    expect(second.orders[0]).toMatchObject({ kind: "welcome" });
    expect(stored.filter((id) => id === one.commandId)).toEqual([one.commandId]);
    expect(new Set(stored)).toEqual(new Set([one.commandId, probe.commandId]));
  });

  test("a command that was marked as sent and never arrived is sent again", async () => {
    const { hostId, name } = await host();
    const one = command();
    await enqueue(hostId, one);
    // As if the replica had died between marking and sending.
    await database.db
      .updateTable("command")
      .set({ state: "sent", sent_epoch: 1 })
      .where("id", "=", one.commandId)
      .execute();
    const holder = await replica();
    await connectAgent(holder, agentOf(hostId), name);
    await until(() => holder.heard.outcomes.length);
    expect(holder.heard.outcomes[0]!.commandId).toBe(one.commandId);
  });

  test("a command that no agent has seen is revoked at once, and the listener hears it", async () => {
    const holder = await replica();
    const { hostId } = await host();
    const one = command();
    await enqueue(hostId, one);
    const revoked = await inTransaction(database.db, (tx) => revokeCommands(tx, [one.commandId]));
    expect(revoked).toEqual([one.commandId]);
    await until(() => holder.heard.revoked.length);
    expect(holder.heard.revoked[0]).toEqual({ commandId: one.commandId, revoked: true });
  });

  test("a revocation answers false for what has started, and its outcome still comes", async () => {
    const holder = await replica();
    const { hostId, name } = await host();
    const running = gate();
    const slot = newId(ServiceId, "svc");
    const [started, waiting] = [command({ slot }), command({ slot })];
    await connectAgent(holder, agentOf(hostId, { run: () => running.promise }), name);
    await enqueue(hostId, started, waiting);
    await until(() => holder.heard.started.length);
    await until(async () => (await rows(hostId)).every((row) => row.state === "sent"));
    expect(
      await inTransaction(database.db, (tx) => revokeCommands(tx, [started.commandId, waiting.commandId])),
    ).toEqual([]);
    await until(() => holder.heard.revoked.length >= 2);
    expect(holder.heard.revoked).toContainEqual({ commandId: started.commandId, revoked: false });
    expect(holder.heard.revoked).toContainEqual({ commandId: waiting.commandId, revoked: true });
    running.open();
    await until(() => holder.heard.outcomes.length);
    expect(holder.heard.outcomes.map((one) => one.commandId)).toEqual([started.commandId]);
  });

  test("an agent that was away does not start a command that was revoked meanwhile", async () => {
    const holder = await replica();
    const { hostId, name } = await host();
    const running = gate();
    const ran: string[] = [];
    const agent = agentOf(hostId, {
      run: ({ commandId }) => {
        ran.push(commandId);
        return running.promise;
      },
    });
    const slot = newId(ServiceId, "svc");
    const [first, second] = [command({ slot }), command({ slot })];
    const before = await connectAgent(holder, agent, name);
    await enqueue(hostId, first, second);
    await until(() => ran.length === 1 && agent.journal.open().length === 2);
    await before.close();
    await until(() => holder.heard.hosts.some((one) => one.hostId === hostId && !one.online));
    running.open();
    await inTransaction(database.db, (tx) => revokeCommands(tx, [second.commandId]));
    await connectAgent(holder, agent, name);
    await until(() => holder.heard.revoked.some((one) => one.commandId === second.commandId && one.revoked));
    await until(() => holder.heard.outcomes.length === 1);
    expect(ran).toEqual([first.commandId]);
  });

  test("a change that is over is forgotten by the agent, and its rows go", async () => {
    const holder = await replica();
    const { hostId, name } = await host();
    const agent = agentOf(hostId);
    const one = command();
    const { orders } = await connectAgent(holder, agent, name);
    await enqueue(hostId, one);
    await until(async () => (await rows(hostId))[0]!.state === "ended");
    await inTransaction(database.db, (tx) => forgetChange(tx, one.changeId));
    await until(async () => (await rows(hostId)).length === 0);
    expect(orders).toContainEqual({ kind: "forget", changeId: one.changeId });
    expect(agent.journal.find(one.commandId)).toBeNull();
  });

  test("an agent that was away when its change ended is told to forget it when it comes back", async () => {
    const holder = await replica();
    const { hostId, name } = await host();
    const agent = agentOf(hostId);
    const one = command();
    const before = await connectAgent(holder, agent, name);
    await enqueue(hostId, one);
    await until(async () => (await rows(hostId))[0]!.state === "ended");
    await before.close();
    await inTransaction(database.db, (tx) => forgetChange(tx, one.changeId));
    const after = await connectAgent(holder, agent, name);
    await until(async () => (await rows(hostId)).length === 0);
    expect(after.orders).toContainEqual({ kind: "forget", changeId: one.changeId });
  });

  test("an agent with another journal is set aside, and what it had in hand is interrupted", async () => {
    const holder = await replica();
    const { hostId, name } = await host();
    const running = gate();
    const first = await connectAgent(holder, agentOf(hostId, { run: () => running.promise }), name);
    const one = command();
    await enqueue(hostId, one);
    await until(() => holder.heard.started.length);
    await first.close();
    const reinstalled = await connectAgent(holder, agentOf(hostId), name);
    await reinstalled.closed;
    expect(reinstalled.orders).toMatchObject([{ kind: "set-aside", problem: { code: "JOURNAL_LOST" } }]);
    expect(holder.heard.outcomes).toMatchObject([{ commandId: one.commandId, outcome: { kind: "interrupted" } }]);
    const row = await database.db.selectFrom("host").selectAll().where("id", "=", hostId).executeTakeFirstOrThrow();
    expect(row.set_aside).toBe("journal-lost");
    running.open();
  });

  test("two agents with the same identity are both refused and named", async () => {
    const [here, there] = [await replica(), await replica()];
    const { hostId, name } = await host();
    const original = agentOf(hostId);
    const first = await connectAgent(here, original, name);
    await until(() => first.orders.some((order) => order.kind === "welcome"));
    const clone = agentOf(hostId, { journal: original.journal });
    const second = await connectAgent(there, clone, name);
    await Promise.all([first.closed, second.closed]);
    for (const { orders } of [first, second]) {
      expect(orders.find((order) => order.kind === "set-aside")).toMatchObject({
        problem: { code: "DUPLICATE_AGENT", facts: { host: name } },
      });
    }
    expect(second.orders.some((order) => order.kind === "welcome")).toBe(false);
  });

  test("a connection that no longer answers is superseded by the agent's next one", async () => {
    const [here, there] = [await replica(), await replica()];
    const { hostId, name } = await host();
    const agent = agentOf(hostId);
    const dead = await connectAgent(here, agent, name);
    await until(() => dead.orders.some((order) => order.kind === "welcome"));
    // The network went away: nothing is heard on this link, and nobody has noticed.
    dead.socket.removeAllListeners("message");
    const next = await connectAgent(there, agent, name);
    await until(() => next.orders.some((order) => order.kind === "welcome"));
    await dead.closed;
    expect(await onlineHosts(database.db, [hostId])).toEqual(new Set([hostId]));
    const session = await database.db
      .selectFrom("host_session")
      .select("replica_id")
      .where("host_id", "=", hostId)
      .executeTakeFirstOrThrow();
    expect(session.replica_id).toBe(there.lease.id);
  });

  test("the hosts of a dead replica are offline by its lease, and others are told", async () => {
    const living = await replica();
    const { hostId } = await host();
    await sql`insert into replica (id, url, version, lease_until) values ('rpl_dead', 'http://nowhere', 'test', clock_timestamp())`.execute(
      database.db,
    );
    await sql`insert into host_session (host_id, tenant_id, connection_epoch, replica_id)
      values (${hostId}, ${world.tenantId}, 1, 'rpl_dead')`.execute(database.db);
    expect(await onlineHosts(database.db, [hostId])).toEqual(new Set());
    await until(() => living.heard.hosts.some((one) => one.hostId === hostId && !one.online));
    await sql`delete from replica where id = 'rpl_dead'`.execute(database.db);
  });

  test("a credential that nobody has is refused before a link is opened", async () => {
    const holder = await replica();
    await expect(openSocket(`${holder.url}/api/v1/agent-link`, "wrong")).rejects.toThrow("401");
  });

  test("an agent cannot speak for commands of another host", async () => {
    const holder = await replica();
    const [mine, other] = [await host(), await host()];
    const one = command();
    await enqueue(other.hostId, one);
    const liar = await connectAgent(holder, agentOf(mine.hostId), mine.name);
    await until(() => liar.orders.some((order) => order.kind === "welcome"));
    liar.socket.send(JSON.stringify({ kind: "outcome", commandId: one.commandId, sequence: 1, outcome: SUCCEEDED }));
    await until(() => liar.orders.some((order) => order.kind === "acknowledge"));
    expect(holder.heard.outcomes).toEqual([]);
    expect((await rows(other.hostId))[0]!.state).toBe("queued");
  });
});
