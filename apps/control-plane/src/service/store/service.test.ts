import type { InstanceReport } from "@evenkeel/contracts/agent-protocol";
import {
  ApplicationId,
  Digest,
  type HostId,
  newId,
  PackageId,
  RevisionId,
  type ServiceId,
} from "@evenkeel/contracts/id";
import { Configuration, ServiceDefinition } from "@evenkeel/contracts/service";
import { inTransaction, json } from "@evenkeel/kit/sql";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Seed, seed, seedHost } from "../../link/testing.ts";
import { type NewRevision, putRevision } from "../../revision/index.ts";
import { type MigratedDatabase, migratedDatabase, serverKinds } from "../../testing.ts";
import { instanceFindings } from "../findings.ts";
import {
  findService,
  getService,
  instancesOf,
  recordInstances,
  type StoredService,
  setParameters,
  setServiceRevision,
  upsertService,
} from "./index.ts";

const DIGEST = Digest.parse(`sha256:${"1".repeat(64)}`);

describe.each(await serverKinds())("services and revisions on %s", (kind) => {
  let database: MigratedDatabase;
  let world: Seed;
  let hostId: HostId;
  let number = 0;

  beforeAll(async () => {
    database = await migratedDatabase(kind);
    world = await seed(database.db);
    hostId = await seedHost(database.db, world, "h1");
  });
  afterAll(async () => await database.close());

  const upsert = (name: string, definition: object, over: object = {}): Promise<StoredService> =>
    inTransaction(database.db, (tx) =>
      upsertService(tx, { ...world, name, definition: ServiceDefinition.parse(definition), ...over }),
    );
  const newName = (): string => {
    number += 1;
    return `service-${number}`;
  };
  async function revision(serviceId: ServiceId, env: Record<string, string> = {}): Promise<NewRevision> {
    const packageId = newId(PackageId, "pkg");
    await database.db
      .insertInto("package")
      .values({
        id: packageId,
        tenant_id: world.tenantId,
        application_id: world.applicationId,
        version: packageId.slice(4),
        digest: DIGEST,
        size_bytes: 1,
        unpacked_bytes: 1,
        entries: 1,
        uploaded_by: "admin",
      })
      .execute();
    return {
      tenantId: world.tenantId,
      serviceId,
      packageId,
      packageVersion: "1.0.0",
      packageDigest: DIGEST,
      buildpack: { name: "node", version: "1", digest: DIGEST },
      configuration: Configuration.parse({
        start: "node server.js",
        port: "auto",
        env,
        health: { tcp: true },
        routes: [],
        replace: "surge",
        allowGap: false,
        drain: {},
        stopSeconds: 10,
      }),
    };
  }
  const put = (one: NewRevision) => inTransaction(database.db, (tx) => putRevision(tx, one));

  test("the same definition and parameters again are no new version; each rises by itself", async () => {
    const name = newName();
    const first = await upsert(name, { env: { A: "1" }, start: "node a.js" });
    expect(first).toMatchObject({ version: 1, parameters: { version: 1, env: { A: "1" } } });
    expect(first.definition).not.toHaveProperty("env");
    expect(await upsert(name, { start: "node a.js", env: { A: "1" } })).toEqual(first);
    expect(await upsert(name, { start: "node b.js" })).toMatchObject({ version: 2, parameters: { version: 1 } });
    expect(await upsert(name, { start: "node b.js", env: { A: "2" } })).toMatchObject({
      id: first.id,
      version: 2,
      parameters: { version: 2, env: { A: "2" } },
    });
  });

  test("two who make the same service at once make one", async () => {
    const name = newName();
    const made = await Promise.all([1, 2, 3].map(() => upsert(name, {})));
    expect(new Set(made.map(({ id }) => id)).size).toBe(1);
  });

  test("two who set parameters at once make two versions, and none is lost", async () => {
    const { id: serviceId, tenantId } = await upsert(newName(), {});
    await Promise.all(
      ["1", "2"].map((A) => inTransaction(database.db, (tx) => setParameters(tx, { tenantId, serviceId, env: { A } }))),
    );
    expect(await getService(database.db, { tenantId, serviceId })).toMatchObject({ parameters: { version: 3 } });
  });

  test("a name that is another application's service is refused", async () => {
    const name = newName();
    await upsert(name, {});
    const applicationId = newId(ApplicationId, "app");
    await database.db
      .insertInto("application")
      .values({
        id: applicationId,
        tenant_id: world.tenantId,
        name: `other-${number}`,
        owner: "x",
        group: "",
        level: 3,
        tags: json([]),
        metadata: json({}),
      })
      .execute();
    await expect(upsert(name, { start: "x" }, { applicationId })).rejects.toMatchObject({ code: "ALREADY_EXISTS" });
    expect(await findService(database.db, { ...world, name })).toMatchObject({ version: 1 });
  });

  test("a revision with the same content is the same revision, also for two at once", async () => {
    const { id } = await upsert(newName(), {});
    const one = await revision(id);
    const [first, second] = await Promise.all([put(one), put({ ...one, id: newId(RevisionId, "rev") })]);
    expect(first).toEqual(second);
    expect((await put(await revision(id, { A: "1" }))).id).not.toBe(first.id);
    const { id: other } = await upsert(newName(), {});
    expect((await put({ ...one, serviceId: other })).id).not.toBe(first.id);
  });

  test("the revision before the current one is kept for a rollback; the same one again changes nothing", async () => {
    const { id: serviceId, tenantId } = await upsert(newName(), {});
    const [one, two] = [await put(await revision(serviceId)), await put(await revision(serviceId, { A: "1" }))];
    const set = (revisionId: RevisionId) =>
      inTransaction(database.db, (tx) => setServiceRevision(tx, { serviceId, revisionId }));
    for (const { id } of [one, two, two]) await set(id);
    expect(await getService(database.db, { tenantId, serviceId })).toMatchObject({
      revisionId: two.id,
      previousRevisionId: one.id,
      version: 3,
    });
  });

  test("an agent's list is the whole truth of its host: what is not on it is gone", async () => {
    const { id: serviceId } = await upsert(newName(), {});
    const { id: revisionId } = await put(await revision(serviceId));
    const instance = (letter: "a" | "b", over: Partial<InstanceReport> = {}): InstanceReport => ({
      slot: serviceId,
      letter,
      revisionId,
      state: "healthy",
      pid: 1,
      port: 20_000,
      restarts: 0,
      problem: null,
      since: "2026-01-01T00:00:00.000Z",
      ...over,
    });
    const report = (...instances: InstanceReport[]) =>
      inTransaction(database.db, (tx) =>
        recordInstances(tx, { tenantId: world.tenantId, hostId, address: "127.0.0.1", instances }),
      );
    await report(instance("a"), instance("b", { state: "starting", pid: null }));
    await report(instance("b", { state: "unhealthy", restarts: 2 }));
    expect(await instancesOf(database.db, serviceId)).toMatchObject([
      { letter: "b", state: "unhealthy", restarts: 2, hostName: "h1", packageVersion: "1.0.0", traffic: "detached" },
    ]);
    const found = await instanceFindings(database.db, world.tenantId);
    expect(found).toMatchObject([{ severity: "warning", problem: { code: "INSTANCE_UNHEALTHY" } }]);
    await report();
    expect(await instancesOf(database.db, serviceId)).toEqual([]);
    expect(await instanceFindings(database.db, world.tenantId)).toEqual([]);
  });
});
