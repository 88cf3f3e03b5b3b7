import { createClient } from "@evenkeel/client/client";
import { AGENT_LINK_PATH } from "@evenkeel/contracts/agent-protocol";
import type { HostInstance } from "@evenkeel/contracts/host";
import { CommandId, type HostId, newId, RevisionId, type ServiceId } from "@evenkeel/contracts/id";
import { instanceKey } from "@evenkeel/contracts/route-table";
import { inTransaction, json } from "@evenkeel/kit/sql";
import { createFakeAgent } from "@evenkeel/testkit/fake-agent";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { WebSocket } from "ws";
import { openSocket, type Seed, seedService, until } from "../link/testing.ts";
import { secretDigest } from "../principal/index.ts";
import { putUpstreams } from "../route/index.ts";
import { type Answer, type Installation, serverKinds, startInstallation } from "../testing.ts";

const FACTS = {
  cpus: 2,
  cpuBusy: 0.5,
  load1: 1,
  memoryTotalBytes: 100,
  memoryAvailableBytes: 50,
  diskTotalBytes: 1000,
  diskFreeBytes: 10,
  kernel: "6",
  os: "debian",
  node: "24",
  agentVersion: "1",
};
const SUCCEEDED = { kind: "succeeded", facts: {}, elapsedMs: 1 } as const;

describe.each(await serverKinds())("hosts on %s", (kind) => {
  let here: Installation;
  let world: Seed;
  let number = 0;
  const sockets: WebSocket[] = [];
  const database = () => here.replicas[0]!.ground.db;

  beforeAll(async () => {
    here = await startInstallation(kind);
    await here.addReplica();
    await here.call("POST", "/workspaces", { body: { name: "local", zones: ["a", "b"] } });
    await here.call("POST", "/applications", { body: { name: "shop" } });
    const found = await database()
      .selectFrom("workspace")
      .innerJoin("application", "application.tenant_id", "workspace.tenant_id")
      .select(["workspace.tenant_id as tenantId", "workspace.id as workspaceId", "application.id as applicationId"])
      .executeTakeFirstOrThrow();
    world = found;
  });
  afterAll(async () => {
    for (const socket of sockets) socket.terminate();
    await here.close();
  });

  const token = async (body: object = {}): Promise<string> => {
    const answer = await here.call("POST", "/join-tokens", { body: { workspace: "local", ...body } });
    expect(answer.status).toBe(201);
    return String(answer.body.token);
  };
  const joinBody = (over: object = {}) => {
    number += 1;
    return {
      name: `host-${number}`,
      address: "127.0.0.1",
      journalId: "jrn_00000000000000000001",
      bootId: "boot",
      ...over,
    };
  };
  const join = async (body: object): Promise<Answer> => await here.call("POST", "/hosts/join", { body, token: null });
  async function joined(over: object = {}): Promise<{ hostId: HostId; credential: string; name: string }> {
    const body = joinBody(over);
    const answer = await join({ token: await token(), ...body });
    expect(answer.status).toBe(201);
    return { ...(answer.body as unknown as { hostId: HostId; credential: string }), name: body.name };
  }
  /** An agent of the real protocol, connected to one of the replicas, which answers reads of logs. */
  async function connect(
    host: { hostId: HostId; credential: string },
    replica = 0,
    slot?: ServiceId,
  ): Promise<WebSocket> {
    await database().updateTable("host").set({ journal_id: null }).where("id", "=", host.hostId).execute();
    const socket = await openSocket(`${here.replicas[replica]!.url}/api/v1${AGENT_LINK_PATH}`, host.credential);
    sockets.push(socket);
    const revisionId = slot === undefined ? null : await revisionOf(slot);
    const instances = () =>
      slot === undefined || revisionId === null
        ? []
        : [
            {
              slot,
              letter: "a" as const,
              revisionId,
              state: "healthy" as const,
              pid: 7,
              port: 20_000,
              restarts: 0,
              problem: null,
              since: new Date().toISOString(),
            },
          ];
    const link = createFakeAgent({ hostId: host.hostId, run: async () => SUCCEEDED, instances }).connect();
    socket.on("message", (data) => {
      const order = JSON.parse(data.toString());
      if (order.kind === "read-log") answerLog(socket, order);
      link.send(order);
    });
    link.onMessage((message) => socket.send(JSON.stringify(message)));
    await until(async () => (await show(host.hostId)).state === "online");
    return socket;
  }
  function answerLog(socket: WebSocket, { readId, follow }: { readId: string; follow: boolean }): void {
    const lines = [{ letter: "a", stream: "stdout", text: `hello from ${socket.url}` }];
    socket.send(JSON.stringify({ kind: "log", readId, lines, end: !follow }));
  }
  async function revisionOf(serviceId: ServiceId): Promise<RevisionId> {
    const id = newId(RevisionId, "rev");
    const { tenantId } = world;
    await database()
      .insertInto("package")
      .values({
        id: `pkg_${id.slice(4)}` as never,
        tenant_id: tenantId,
        application_id: world.applicationId,
        version: id.slice(4),
        digest: `sha256:${"0".repeat(64)}` as never,
        size_bytes: 1,
        unpacked_bytes: 1,
        entries: 1,
        uploaded_by: "admin",
      })
      .execute();
    await database()
      .insertInto("revision")
      .values({
        id,
        tenant_id: tenantId,
        service_id: serviceId,
        digest: id as never,
        package_id: `pkg_${id.slice(4)}` as never,
        package_version: "1.0.0",
        package_digest: `sha256:${"0".repeat(64)}` as never,
        buildpack: json({ name: "node", version: "1", digest: `sha256:${"0".repeat(64)}` }) as never,
        configuration: json({}) as never,
      })
      .execute();
    return id;
  }
  const show = async (hostId: HostId) => (await here.call("GET", `/hosts/${hostId}`)).body;

  test("a join token works once, for one of two that try at the same time", async () => {
    const joinToken = await token({ zone: "b" });
    const answers = await Promise.all([1, 2].map(() => join({ token: joinToken, ...joinBody() })));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 401]);
    expect(answers.find(({ status }) => status === 401)).toMatchObject({ body: { code: "JOIN_TOKEN_USED" } });
    const { hostId } = answers.find(({ status }) => status === 201)!.body as unknown as { hostId: HostId };
    expect(await show(hostId)).toMatchObject({ zone: "b", state: "joining", version: 1 });
  });

  test("a join token that has ended, and one that is for a gateway, are refused", async () => {
    const short = await token({ validSeconds: 1 });
    const other = await token({ for: "gateway" });
    expect(await join({ token: other, ...joinBody() })).toMatchObject({
      status: 401,
      body: { code: "JOIN_TOKEN_USED" },
    });
    await until(async () => {
      const body = joinBody({ zone: "nowhere" });
      return (await join({ token: short, ...body })).status === 401;
    });
  });

  test("a zone and a cell that the workspace does not have are refused by name, and the token is not used up", async () => {
    const joinToken = await token();
    expect(await join({ token: joinToken, ...joinBody({ zone: "z" }) })).toMatchObject({
      status: 400,
      body: { code: "INPUT_INVALID", facts: { field: "zone" } },
    });
    expect((await join({ token: joinToken, ...joinBody({ zone: "b" }) })).status).toBe(201);
    const { hostId } = await joined();
    expect(await here.call("PATCH", `/hosts/${hostId}`, { body: { zone: "z" } })).toMatchObject({
      body: { code: "INPUT_INVALID", facts: { field: "zone" } },
    });
    expect(await here.call("POST", "/join-tokens", { body: { workspace: "local", cell: "none" } })).toMatchObject({
      body: { code: "INPUT_INVALID", facts: { field: "cell" } },
    });
  });

  test("a host that never connected may join again under its name; one that did may not be taken over", async () => {
    const first = await joined();
    const again = await join({ token: await token(), ...joinBody({ name: first.name }) });
    expect(again).toMatchObject({ status: 201, body: { hostId: first.hostId } });
    const { hostId, credential } = again.body as unknown as { hostId: HostId; credential: string };
    await connect({ hostId, credential });
    expect(await join({ token: await token(), ...joinBody({ name: first.name }) })).toMatchObject({
      status: 409,
      body: { code: "ALREADY_EXISTS" },
    });
  });

  test("the version of a host rises only if something changes", async () => {
    const { hostId } = await joined();
    const edit = (body: object) => here.call("PATCH", `/hosts/${hostId}`, { body });
    expect((await edit({ zone: "b", labels: { rack: "7" } })).body).toMatchObject({ zone: "b", version: 2 });
    expect((await edit({ zone: "b" })).body).toMatchObject({ labels: { rack: "7" }, version: 2 });
  });

  test("a host that is not set aside cannot be admitted; one that is comes back by it", async () => {
    const host = await joined();
    expect(await here.call("POST", `/hosts/${host.hostId}/admit`)).toMatchObject({
      status: 409,
      body: { code: "ACTION_NOT_ALLOWED" },
    });
    await database()
      .updateTable("host")
      .set({ set_aside: "journal-lost", connection_epoch: 1 })
      .where("id", "=", host.hostId)
      .execute();
    const doctor = (await here.call("GET", "/doctor")).body as unknown as { items: object[] };
    expect(doctor.items).toContainEqual(
      expect.objectContaining({ resource: `host/${host.hostId}`, actions: [`host admit ${host.name}`] }),
    );
    expect((await here.call("POST", `/hosts/${host.hostId}/admit`)).body).toMatchObject({ state: "offline" });
    await connect(host);
  });

  test("facts and clock skew are shown as the host tells them, on every replica after they are written", async () => {
    const host = await joined();
    const socket = await connect(host);
    const sentAt = new Date(Date.now() + 3_600_000).toISOString();
    for (let beat = 0; beat < 15; beat += 1) socket.send(JSON.stringify({ kind: "heartbeat", sentAt, facts: FACTS }));
    const elsewhere = async () => (await here.call("GET", `/hosts/${host.hostId}`, { replica: 1 })).body;
    await until(async () => (await elsewhere()).facts !== null);
    expect(await elsewhere()).toMatchObject({ facts: FACTS });
    expect(Number((await show(host.hostId)).clockSkewMs)).toBeGreaterThan(3_500_000);
    const { items } = (await here.call("GET", "/doctor")).body as unknown as { items: { problem: { code: string } }[] };
    expect(items.map(({ problem }) => problem.code)).toEqual(expect.arrayContaining(["CLOCK_SKEWED", "DISK_LOW"]));
  });

  test("who looks at a host sees what it uses and what runs there, each sample once, from any replica", async () => {
    const host = await joined();
    const serviceId = await seedService(database(), world, `uses-${number}`);
    const socket = await connect(host, 0, serviceId);
    const { revisionId } = await until(
      async () =>
        (await here.call("GET", `/services/${serviceId}/instances`)).body.items?.[0] as
          | { revisionId: string }
          | undefined,
    );
    const usage = [{ slot: serviceId, letter: "a", revisionId, memoryBytes: 4096, cpuMs: 10 }];
    const beat = { kind: "heartbeat", sentAt: new Date().toISOString(), facts: FACTS, usage };
    socket.send(JSON.stringify(beat));
    await until(async () => (await show(host.hostId)).facts !== null);
    const client = createClient({ url: here.replicas[1]!.url, token: here.adminToken });
    const firstOf = async (after?: string) => {
      const stop = new AbortController();
      const options = { signal: stop.signal, ...(after !== undefined && { after }) };
      let instances: readonly HostInstance[] = [];
      for await (const event of client.watchHost(host.hostId, options)) {
        if (event.kind === "standing") instances = event.instances;
        if (event.kind === "samples") return { items: event.items, instances };
      }
      throw new Error("the stream has ended");
    };
    const { items } = await firstOf();
    expect(items).toMatchObject([{ cpuBusy: 0.5, load1: 1, memoryAvailableBytes: 50, diskFreeBytes: 10 }]);
    const after = items[0]!.at;
    const later = await firstOf(after);
    expect(later.items.every(({ at }) => at > after)).toBe(true);
    expect(later.instances).toMatchObject([{ service: `uses-${number}`, pid: 7, memoryBytes: 4096, state: "healthy" }]);
    const listed = (await here.call("GET", `/hosts/${host.hostId}/samples`)).body as unknown as {
      items: { at: string }[];
    };
    expect(listed.items.map(({ at }) => at)).toEqual([after, ...later.items.map(({ at }) => at)]);
  });

  test("an online host that runs something stays; once it is away it can be removed, and leaves the routes", async () => {
    const host = await joined();
    const serviceId = await seedService(database(), world, `runs-${number}`);
    const socket = await connect(host, 0, serviceId);
    await until(async () => (await here.call("GET", `/services/${serviceId}/instances`)).body.items?.[0]);
    await inTransaction(database(), (tx) =>
      putUpstreams(tx, {
        ...world,
        put: [
          {
            instance: instanceKey(serviceId, host.hostId, "a"),
            serviceId,
            hostId: host.hostId,
            letter: "a",
            revisionId: newId(RevisionId, "rev"),
            version: "1.0.0",
            zone: "a",
            address: "127.0.0.1",
            port: 20_000,
            weight: 100,
          },
        ],
        drain: [],
        remove: [],
      }),
    );
    const remove = () => here.call("DELETE", `/hosts/${host.hostId}`);
    expect(await remove()).toMatchObject({ status: 409, body: { code: "ACTION_NOT_ALLOWED" } });
    socket.terminate();
    await until(async () => (await show(host.hostId)).state === "offline");
    expect((await remove()).status).toBe(204);
    expect(await database().selectFrom("upstream").selectAll().where("host_id", "=", host.hostId).execute()).toEqual(
      [],
    );
    await expect(openSocket(`${here.replicas[0]!.url}/api/v1${AGENT_LINK_PATH}`, host.credential)).rejects.toThrow(
      "401",
    );
  });

  test("logs of a service come from all its hosts, each through the replica that holds its link", async () => {
    const serviceId = await seedService(database(), world, `logs-${number}`);
    const [near, far] = [await joined(), await joined()];
    await connect(near, 0, serviceId);
    await connect(far, 1, serviceId);
    await until(async () => (await here.call("GET", `/services/${serviceId}/instances`)).body.items?.[1]);
    const read = async (query: string): Promise<{ host: string; text: string }[]> => {
      const answer = await fetch(`${here.replicas[0]!.url}/api/v1/services/${serviceId}/logs${query}`, {
        headers: { authorization: `Bearer ${here.adminToken}` },
      });
      const data = (await answer.text()).split("\n").filter((line) => line.startsWith("data: "));
      return data.map((line) => JSON.parse(line.slice(6)));
    };
    const lines = await read("");
    expect(lines.map(({ host }) => host).sort()).toEqual([near.name, far.name].sort());
    expect(await read(`?host=${far.name}`)).toMatchObject([{ host: far.name }]);
    const leaving = new AbortController();
    const following = await fetch(`${here.replicas[0]!.url}/api/v1/services/${serviceId}/logs?follow=true`, {
      headers: { authorization: `Bearer ${here.adminToken}` },
      signal: leaving.signal,
    });
    const reader = following.body!.getReader();
    expect(new TextDecoder().decode((await reader.read()).value)).toContain("data: ");
    leaving.abort();
    // The agents are told that nobody reads any more.
    const farSocket = sockets.at(-1)!;
    await new Promise<void>((resolve) =>
      farSocket.on("message", (data) => {
        if (JSON.parse(data.toString()).kind === "end-log") resolve();
      }),
    );
  });

  test("another tenant's token sees and changes nothing of this one", async () => {
    const host = await joined();
    const stranger = await strangersToken();
    const as = { token: stranger };
    expect((await here.call("GET", "/hosts", as)).body).toMatchObject({ items: [] });
    for (const [method, path] of [
      ["GET", `/hosts/${host.hostId}`],
      ["GET", `/hosts/${host.hostId}/events`],
      ["GET", `/hosts/${host.hostId}/samples`],
      ["PATCH", `/hosts/${host.hostId}`],
      ["POST", `/hosts/${host.hostId}/admit`],
      ["DELETE", `/hosts/${host.hostId}`],
    ] as const) {
      const body = method === "PATCH" ? { body: { zone: "b" } } : {};
      expect(await here.call(method, path, { ...as, ...body })).toMatchObject({ status: 404 });
    }
    const answer = await here.call("POST", "/join-tokens", { ...as, body: { workspace: "local" } });
    expect(answer).toMatchObject({ status: 404 });
  });

  async function strangersToken(): Promise<string> {
    const secret = `stranger-${newId(CommandId, "cmd")}`;
    const db = database();
    const ids = {
      tenant: `ten_${secret.slice(-20)}`,
      principal: `prn_${secret.slice(-20)}`,
      token: `tok_${secret.slice(-20)}`,
    };
    await db
      .insertInto("tenant")
      .values({ id: ids.tenant as never, name: secret })
      .execute();
    await db
      .insertInto("principal")
      .values({ id: ids.principal as never, tenant_id: ids.tenant as never, name: "stranger", kind: "person" })
      .execute();
    await db
      .insertInto("token")
      .values({
        id: ids.token as never,
        tenant_id: ids.tenant as never,
        principal_id: ids.principal as never,
        digest: secretDigest(secret),
        may: json(["*:*"]),
      })
      .execute();
    return secret;
  }
});
