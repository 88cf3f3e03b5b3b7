import type { InstanceReport } from "@evenkeel/contracts/agent-protocol";
import { type HostId, newId, RevisionId, type ServiceId } from "@evenkeel/contracts/id";
import { instanceKey } from "@evenkeel/contracts/route-table";
import type { InstanceState } from "@evenkeel/contracts/service";
import { inTransaction } from "@evenkeel/kit/sql";
import { createFakeAgent, type FakeAgent } from "@evenkeel/testkit/fake-agent";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  connectAgent,
  type Seed,
  seed,
  seedHost,
  seedService,
  startReplica,
  type TestReplica,
  until,
} from "../link/testing.ts";
import { putUpstreams, renderTable } from "../route/index.ts";
import { type MigratedDatabase, migratedDatabase, serverKinds } from "../testing.ts";

type Letter = "a" | "b";

describe.each(await serverKinds())("instances that an agent tells of, on %s", (kind) => {
  let database: MigratedDatabase;
  let world: Seed;
  let holder: TestReplica;
  let hostId: HostId;
  let serviceId: ServiceId;
  let agent: FakeAgent;
  const revisionId = newId(RevisionId, "rev");
  const states: Record<Letter, InstanceState> = { a: "healthy", b: "healthy" };

  beforeAll(async () => {
    database = await migratedDatabase(kind);
    world = await seed(database.db);
    hostId = await seedHost(database.db, world, "h1");
    serviceId = await seedService(database.db, world, "shop");
    holder = await startReplica(database);
    const instances = () => [report("a"), report("b")];
    const run = async () => ({ kind: "succeeded", facts: {}, elapsedMs: 1 }) as const;
    agent = createFakeAgent({ hostId, run, instances });
    await connectAgent(holder, agent, "h1");
    await until(() => holder.heard.hosts.length);
  });
  afterAll(async () => {
    agent.stop();
    await holder.close();
    await database.close();
  });

  const report = (letter: Letter): InstanceReport => ({
    slot: serviceId,
    letter,
    revisionId,
    state: states[letter],
    pid: 7,
    port: 20_000,
    restarts: 0,
    problem: null,
    since: "2026-01-01T00:00:00.000Z",
  });
  const upstream = (letter: Letter) => ({
    instance: instanceKey(serviceId, hostId, letter),
    serviceId,
    hostId,
    letter,
    revisionId,
    version: letter,
    zone: "a",
    address: "127.0.0.1",
    port: 20_000,
    weight: 100,
  });
  const traffic = (put: Letter[], drain: Letter[]) =>
    inTransaction(database.db, (tx) =>
      putUpstreams(tx, {
        ...world,
        put: put.map(upstream),
        drain: drain.map((letter) => upstream(letter).instance),
        remove: [],
      }),
    );
  const shown = async (): Promise<string> => {
    const { services } = await renderTable(database.db, world.workspaceId);
    return services.flatMap(({ upstreams }) => upstreams.map(({ version }) => version)).join();
  };
  async function say(a: InstanceState, b: InstanceState, expected: string): Promise<void> {
    Object.assign(states, { a, b });
    agent.reportInstances();
    await until(async () => (await shown()) === expected);
  }

  test("a sick one leaves the table and comes back", async () => {
    await traffic(["a", "b"], []);
    await say("unhealthy", "healthy", "b");
    await say("healthy", "crash-loop", "a");
    await say("healthy", "healthy", "a,b");
  });

  test("the drain of one whose process is gone is over", async () => {
    await traffic(["b"], ["a"]);
    await say("stopping", "healthy", "a,b");
    await say("stopped", "healthy", "b");
  });

  test("one that fell ill before it was attached comes in as sick", async () => {
    await say("healthy", "healthy", "b");
    await say("healthy", "unhealthy", "b");
    const known = () => database.db.selectFrom("instance").select("state").where("letter", "=", "b").executeTakeFirst();
    await until(async () => (await known())?.state === "unhealthy");
    await traffic(["a", "b"], []);
    expect(await shown()).toBe("a");
  });
});
