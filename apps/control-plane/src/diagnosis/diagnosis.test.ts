import { createClient } from "@evenkeel/client/client";
import type { InstanceReport } from "@evenkeel/contracts/agent-protocol";
import { HostId, newId, PackageId, RevisionId, ServiceId } from "@evenkeel/contracts/id";
import { json } from "@evenkeel/kit/sql";
import { createFakeAgent } from "@evenkeel/testkit/fake-agent";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { connectAgent, type Seed, seedHost, seedService, until } from "../link/testing.ts";
import { type Installation, serverKinds, startInstallation } from "../testing.ts";

const DIGEST = `sha256:${"0".repeat(64)}`;

describe.each(await serverKinds())("a diagnosis on %s", (kind) => {
  let here: Installation;
  let world: Seed;
  let hostId: HostId;
  let serviceId: ServiceId;
  let revisionId: RevisionId;
  let close: () => Promise<void>;
  const database = () => here.replicas[0]!.ground.db;
  const client = (secret = here.adminToken, replica = 0) =>
    createClient({ url: here.replicas[replica]!.url, token: secret });

  beforeAll(async () => {
    here = await startInstallation(kind);
    await here.addReplica();
    await here.call("POST", "/workspaces", { body: { name: "local", zones: ["a"] } });
    await here.call("POST", "/applications", { body: { name: "shop" } });
    world = await database()
      .selectFrom("workspace")
      .innerJoin("application", "application.tenant_id", "workspace.tenant_id")
      .select(["workspace.tenant_id as tenantId", "workspace.id as workspaceId", "application.id as applicationId"])
      .executeTakeFirstOrThrow();
    hostId = await seedHost(database(), world, "h1");
    serviceId = await seedService(database(), world, "shop");
    revisionId = await seedRevision();
    close = await connect();
    await until(async () => (await client().listInstances({ params: { serviceId } })).items[0]);
  });
  afterAll(async () => {
    await close?.();
    await here.close();
  });

  async function seedRevision(): Promise<RevisionId> {
    const [id, packageId] = [newId(RevisionId, "rev"), newId(PackageId, "pkg")];
    const { tenantId: tenant_id, applicationId: application_id } = world;
    const sizes = { size_bytes: 1, unpacked_bytes: 1, entries: 1 };
    await database()
      .insertInto("package")
      .values({
        ...{ id: packageId, tenant_id, application_id, version: "1.0.0", uploaded_by: "admin" },
        ...sizes,
        digest: DIGEST as never,
      })
      .execute();
    const revision = { id, tenant_id, service_id: serviceId, package_id: packageId, package_version: "1.0.0" };
    const buildpack = json({ name: "node", version: "1", digest: DIGEST }) as never;
    const digests = { digest: DIGEST as never, package_digest: DIGEST as never };
    await database()
      .insertInto("revision")
      .values({ ...revision, ...digests, buildpack, configuration: json({}) as never })
      .execute();
    await database().updateTable("service").set({ revision_id: id }).where("id", "=", serviceId).execute();
    return id;
  }

  /** An agent whose only instance crashes again and again, and says why in its log. */
  async function connect(): Promise<() => Promise<void>> {
    const problem = { code: "CRASH_LOOP", title: "It ended again.", remedy: "", facts: {} } as never;
    const instances = (): InstanceReport[] => [
      {
        ...{ slot: serviceId, letter: "a", revisionId, state: "crash-loop", pid: null, port: 20_000, restarts: 9 },
        ...{ problem, since: new Date().toISOString() },
      },
    ];
    const run = async () => ({ kind: "succeeded" as const, facts: {}, elapsedMs: 1 });
    const agent = createFakeAgent({ hostId, run, instances });
    const { socket, close: hangUp } = await connectAgent(here.replicas[0]!, agent, "h1");
    socket.on("message", (data) => {
      const { kind, readId } = JSON.parse(data.toString());
      const lines = [{ letter: "a", stream: "stderr", text: "Error: Cannot find module 'x'" }];
      if (kind === "read-log") socket.send(JSON.stringify({ kind: "log", readId, lines, end: true }));
    });
    return async () => {
      await hangUp();
      agent.stop();
    };
  }

  test("of a service tells what is wrong, why, its last words and what frees it, from any replica", async () => {
    const told = await client(here.adminToken, 1).diagnoseService({ params: { serviceId } });
    expect(told).toMatchObject({ verdict: "trouble", subject: { kind: "service", name: "shop" } });
    expect(told.findings.map(({ problem }) => problem.code)).toEqual(["SERVICE_DOWN", "CRASH_LOOP"]);
    expect(told.logs).toEqual([{ host: "h1", of: "a", lines: ["Error: Cannot find module 'x'"] }]);
    expect(told.facts).toContainEqual({ name: "version", value: "1.0.0" });
    expect(told.findings.flatMap(({ actions }) => actions)).toContain("logs shop --host h1");
  });

  test("of a host tells what runs there in trouble", async () => {
    const told = await client().diagnoseHost({ params: { hostId } });
    expect(told).toMatchObject({ verdict: "attention", subject: { kind: "host", name: "h1" }, logs: [{ host: "h1" }] });
    expect(told.findings.map(({ problem }) => problem.code)).toEqual(["CRASH_LOOP"]);
  });

  test("of a change tells what it waits for, and the command that lets it go on", async () => {
    const body = { kind: "host-operation", spec: { workspace: "local", operation: "probe" } };
    const { id: changeId } = await client().createChange({ body });
    const told = await client().diagnoseChange({ params: { changeId } });
    expect(told).toMatchObject({ verdict: "attention", subject: { kind: "change", id: changeId } });
    expect(told.findings.flatMap(({ actions }) => actions)).toContain(`change start ${changeId}`);
    expect((await client().listChanges({ query: { host: hostId } })).items).toMatchObject([{ id: changeId }]);
    expect((await client().diagnoseHost({ params: { hostId } })).changes).toMatchObject([{ id: changeId }]);
  });

  test("leaves out what the caller may not read, and is nothing for another tenant or a wrong id", async () => {
    const { secret } = await client().createToken({ body: { as: "reader", may: ["doctor:read"] } });
    const told = await client(secret).diagnoseService({ params: { serviceId } });
    expect(told).toMatchObject({ logs: [], changes: [], verdict: "trouble" });
    const { secret: none } = await client().createToken({ body: { as: "reader", may: ["service:read"] } });
    await expect(client(none).diagnoseService({ params: { serviceId } })).rejects.toMatchObject({
      code: "PERMISSION_MISSING",
    });
    for (const path of [`/services/${newId(ServiceId, "svc")}`, `/hosts/${newId(HostId, "host")}`]) {
      expect((await here.call("GET", `${path}/diagnosis`)).status).toBe(404);
    }
    expect((await here.call("GET", "/changes/chg_x/diagnosis")).status).toBe(400);
  });
});
