import { api, type OperationName } from "@evenkeel/contracts/api";
import type { Endpoint } from "@evenkeel/contracts/endpoint";
import { ModuleManifest } from "@evenkeel/contracts/module";
import { ServiceDefinition } from "@evenkeel/contracts/service";
import { makeCertificate } from "@evenkeel/testkit/certificate";
import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { digestOf, goodPackage } from "../package/testing.ts";
import { ensurePrincipal, insertToken, secretDigest } from "../principal/index.ts";
import { type Answer, type Installation, serverKinds, startInstallation } from "../testing.ts";
import { ensureTenant } from "./store.ts";

const SECRET_OF_B = "the-token-of-another-tenant";
const bits = goodPackage("of tenant A");
const endpoints = Object.entries(api) as [OperationName, Endpoint][];

const definition = { start: "node server.js", routes: [{ host: "shop.localhost", path: "/" }] };
const releaseOrder = {
  kind: "release-order",
  spec: { workspace: "local", application: "shop", package: { version: "1.0.0" }, definition },
};

const frozen = {
  ...{ kind: "freeze", scope: { workspaces: ["local"] }, timeZone: "UTC" },
  ...{ start: "2026-01-01T00:00", end: "2026-01-02T00:00" },
};

const certificate = makeCertificate({ hosts: ["shop.example.org"] });

const scalingRule = {
  ...{ workspace: "local", cluster: "front", module: "prices", metric: "cpu-percent" },
  ...{ above: 80, below: 20, minBases: 1, maxBases: 2 },
};

/** A body of each endpoint that its schema takes; names and ids are those of tenant A. */
const BODIES: Partial<Record<OperationName, unknown>> = {
  createToken: { as: "mine", may: ["*:read"] },
  createLoginLink: {},
  createSession: { token: "the-token-of-nobody" },
  createWorkspace: { name: "mine", zones: ["a"] },
  createCell: { workspace: "local", name: "mine", zones: ["a"] },
  createApplication: { name: "mine" },
  editApplication: { level: 1 },
  beginUpload: { application: "shop", version: "1.0.0", digest: digestOf(bits), sizeBytes: bits.length },
  editCell: { colour: "red" },
  matchTrafficRules: { workspace: "local", service: "shop" },
  putCertificate: certificate,
  setParameters: { env: { STOLEN: "yes" } },
  editHost: { zone: "a" },
  createJoinToken: { workspace: "local" },
  planChange: releaseOrder,
  createChange: releaseOrder,
  startChange: {},
  replanChange: {},
  approveChange: {},
  rejectChange: { reason: "no" },
  pauseChange: {},
  resumeChange: {},
  confirmChange: { batchIds: ["b"] },
  retryChange: {},
  skipChange: { targetIds: ["t"], traffic: "leave-detached" },
  declareLostChange: { stepIds: [`stp_${"0".repeat(20)}`], reason: "gone" },
  cancelChange: {},
  rollbackChange: { speed: "fast", reason: "back" },
  planRollback: { speed: "fast" },
  closeChange: { reason: "enough" },
  takeLockOver: { resource: "service", reason: "mine" },
  setPrincipalGroup: { members: ["a"] },
  setWindow: frozen,
  setApprovalRule: { principals: ["a"] },
  setAdmissionRule: { scope: { workspaces: ["local"] }, criterion: { kind: "rollback-target" } },
  createCommandTemplate: { name: "mine", actions: [{ name: "go", script: "true" }] },
  signReview: { note: "right so" },
  createBaseCluster: { workspace: "local", name: "mine" },
  setScalingRule: scalingRule,
};

/** What tenant B may do, because it touches nothing of A. */
const OWN: readonly OperationName[] = [
  ...(["createToken", "createLoginLink", "createWorkspace", "createApplication"] as const),
  "createCommandTemplate",
];

/** What is refused otherwise: what is of the installation as a whole, for those alone who keep it; other bytes than those whose digest is given. */
const REFUSED: Partial<Record<OperationName, { readonly status: number; readonly code: string }>> = {
  getBackup: { status: 403, code: "PERMISSION_MISSING" },
  uploadModule: { status: 422, code: "BUNDLE_CORRUPT" },
};

describe.each(await serverKinds())("tenants on %s", (kind) => {
  let here: Installation;
  let ids: Readonly<Record<string, string>>;
  beforeAll(async () => {
    here = await startInstallation(kind);
    const { db } = here.replicas[0]!.ground;
    const tenantId = await ensureTenant(db, "b");
    const principalId = await ensurePrincipal(db, { tenantId, name: "admin", kind: "person" });
    const digest = secretDigest(SECRET_OF_B);
    await insertToken(db, { tenantId, principalId, digest, may: ["*:*"], validSeconds: null, notAfter: null });
    ids = await furnish(here);
  });
  afterAll(async () => {
    await here.close();
  });

  const pathOf = ({ path }: Endpoint) => path.replaceAll(/\{(\w+)\}/g, (_, name: string) => ids[name] ?? `no ${name}`);
  const queryOf = (name: OperationName) =>
    name === "uploadModule"
      ? `?digest=${digestOf(bits)}`
      : name === "sendPiece"
        ? "?offset=0"
        : name === "listSamples"
          ? `?service=${ids.serviceId}`
          : "";
  const asB = (name: OperationName, endpoint: Endpoint): Promise<Answer> =>
    here.call(endpoint.method, `${pathOf(endpoint)}${queryOf(name)}`, {
      token: SECRET_OF_B,
      ...(endpoint.bodyKind === "raw"
        ? { body: "bytes", headers: { "content-type": "application/octet-stream" } }
        : { body: BODIES[name] }),
    });

  const asked = endpoints.filter(([, { needs }]) => needs !== "public" && needs !== "host-credential");

  test("A reads everything that B is going to try", async () => {
    for (const [name, endpoint] of asked) {
      if (endpoint.method !== "GET" || endpoint.replyKind === "events") continue;
      const { status } = await here.call("GET", `${pathOf(endpoint)}${queryOf(name)}`);
      expect(`${name}: ${status}`).toBe(`${name}: 200`);
    }
  });

  let before: Record<string, string[]>;
  test("the audit of B begins empty", async () => {
    before = await everythingButB(here);
    expect((await here.call("GET", "/audit", { token: SECRET_OF_B })).body.items).toEqual([]);
  });

  // What B sent itself stands in its own audit.
  test.each(asked.filter(([name]) => name !== "listAudit"))("%s shows nothing of A to B", async (name, endpoint) => {
    if (endpoint.body !== undefined) expect(endpoint.body.safeParse(BODIES[name]).error).toBeUndefined();
    const answer = await asB(name, endpoint);
    const { code } = answer.body as { code?: string };
    const namesA = endpoint.path.includes("{") || (endpoint.body !== undefined && !OWN.includes(name));
    const own = { status: endpoint.status ?? 200, code: undefined };
    expect({ status: answer.status, code }).toEqual(
      REFUSED[name] ?? (namesA ? { status: 404, code: "NOT_FOUND" } : own),
    );
    const path = pathOf(endpoint);
    const foreign = Object.values(ids).filter((id) => id.includes("_") && !path.includes(id));
    const text = JSON.stringify(answer.body);
    expect(foreign.filter((id) => text.includes(id))).toEqual([]);
  });

  test("after all that no row has changed but those of B", async () => {
    expect(await everythingButB(here)).toEqual(before);
  });

  test("a host of B gets no object of A, though it knows the digest", async () => {
    await here.call("POST", "/workspaces", { token: SECRET_OF_B, body: { name: "b-place", zones: ["a"] } });
    const credential = await joinHost(here, { workspace: "b-place", name: "b-host", token: SECRET_OF_B });
    const url = `/objects/${digestOf(bits)}`;
    expect(await here.call("GET", url, { token: credential })).toMatchObject({
      status: 404,
      body: { code: "NOT_FOUND" },
    });
  });
});

/** Gives tenant A one of everything. */
async function furnish(here: Installation): Promise<Record<string, string>> {
  const { db, lease, defaultTenant } = here.replicas[0]!.ground;
  const make = async (path: string, body: object): Promise<Answer["body"]> => {
    const answer = await here.call("POST", path, { body });
    expect(answer.status, JSON.stringify(answer.body)).toBeLessThan(300);
    return answer.body;
  };
  const token = await make("/tokens", { as: "a", may: ["*:read"] });
  const workspace = await make("/workspaces", { name: "local", zones: ["a"] });
  const cell = await make("/cells", { workspace: "local", name: "cell", zones: ["a"] });
  const application = await make("/applications", { name: "shop" });
  const sizeBytes = bits.length;
  const upload = await make("/uploads", { application: "shop", version: "1.0.0", digest: digestOf(bits), sizeBytes });
  const sent = await fetch(`${here.replicas[0]!.url}/api/v1/uploads/${upload.id}?offset=0`, {
    method: "PATCH",
    headers: { authorization: `Bearer ${here.adminToken}`, "content-type": "application/octet-stream" },
    body: new Uint8Array(bits),
  });
  const { package: pkg } = (await sent.json()) as { package: { id: string } };
  const begun = await make("/uploads", {
    application: "shop",
    version: "2.0.0",
    digest: digestOf(Buffer.from("2")),
    sizeBytes,
  });
  const credential = await joinHost(here, { workspace: "local", name: "local-1", token: here.adminToken });
  const host = await db
    .selectFrom("host")
    .select("id")
    .where("credential_digest", "=", secretDigest(credential))
    .executeTakeFirstOrThrow();
  // Online is who has a session at a living replica.
  await db
    .insertInto("host_session")
    .values({ host_id: host.id, tenant_id: defaultTenant, connection_epoch: 1, replica_id: lease.id })
    .execute();
  const forGateway = await make("/join-tokens", { workspace: "local", for: "gateway" });
  const gateway = await make("/gateways/join", { token: forGateway.token, name: "gateway", url: "http://127.0.0.1:1" });
  const serviceId = await putService(here, {
    workspaceId: String(workspace.id),
    applicationId: String(application.id),
  });
  const change = await make("/changes", releaseOrder);
  const buildpacks = await here.call("GET", "/buildpacks");
  const [buildpack] = buildpacks.body.items as unknown as { id: string }[];
  return {
    ...{ workspace: "local", cellId: String(cell.id) },
    application: "shop",
    applicationId: String(application.id),
    tokenId: String(token.id),
    packageId: pkg.id,
    uploadId: String(begun.id),
    hostId: host.id,
    gatewayId: String(gateway.gatewayId),
    serviceId,
    changeId: String(change.id),
    buildpackId: buildpack!.id,
    ...(await putRules(here, String(change.id))),
  };
}

/** A module, a base-cluster and a base. */
async function putModules(here: Installation): Promise<Record<string, string>> {
  const { db, defaultTenant } = here.replicas[0]!.ground;
  const [moduleId, clusterId, baseId] = ["mod", "bcl", "base"].map((prefix) => `${prefix}_${"a".repeat(20)}`);
  const manifest = JSON.stringify(ModuleManifest.parse({ name: "prices", version: "1.0.0" }));
  await sql`insert into module_bundle (id, tenant_id, name, version, digest, size_bytes, manifest, uploaded_by)
    values (${moduleId}, ${defaultTenant}, 'prices', '1.0.0', ${digestOf(bits)}, ${bits.length}, ${manifest}, 'admin')`.execute(
    db,
  );
  await sql`insert into base_cluster (id, tenant_id, workspace_id, name, buffer)
    select ${clusterId}, tenant_id, id, 'front', false from workspace where name = 'local'`.execute(db);
  await sql`insert into base (id, tenant_id, service_id, host_id, cluster_id)
    select ${baseId}, service.tenant_id, service.id, host.id, ${clusterId} from service, host limit 1`.execute(db);
  return { moduleId: moduleId!, clusterId: clusterId!, baseId: baseId! };
}

/** One rule of each sort, an emergency that waits for its review, and a restore. */
async function putRules(here: Installation, changeId: string): Promise<Record<string, string>> {
  const { db, defaultTenant } = here.replicas[0]!.ground;
  await db.insertInto("restoration").values({ epoch: 1, taken_at: "2026-01-01T00:00:00Z" }).execute();
  const reviewId = `rvw_${"a".repeat(20)}`;
  await sql`insert into review (id, tenant_id, change_id, started_by, reason, waived)
    values (${reviewId}, ${defaultTenant}, ${changeId}, 'admin', 'fire', '[]')`.execute(db);
  await sql`insert into traffic_rule (id, tenant_id, workspace_id, service_id, name, priority, definition)
    select ${`trl_${"a".repeat(20)}`}, tenant_id, workspace_id, id, 'rule', 1,
      jsonb_build_object('name', 'rule', 'service', name, 'priority', 1, 'match', '[]'::jsonb, 'reason', '')
    from service limit 1`.execute(db);
  const modules = await putModules(here);
  for (const [path, body] of [
    ["/principal-groups/group", { members: ["a"] }],
    ["/windows/window", frozen],
    ["/certificates/certificate", certificate],
    ["/approval-rules/rule", { groups: ["group"] }],
    ["/admission-rules/rule", { criterion: { kind: "rollback-target" } }],
    ["/scaling-rules/rule", scalingRule],
  ] as const) {
    expect(await here.call("PUT", path, { body })).toMatchObject({ status: 200 });
  }
  const template = { name: "warm-up", actions: [{ name: "go", script: "true" }] };
  expect(await here.call("POST", "/command-templates", { body: template })).toMatchObject({ status: 201 });
  return {
    ...modules,
    stepId: `stp_${"0".repeat(20)}`,
    template: "warm-up",
    group: "group",
    window: "window",
    certificate: "certificate",
    rule: "rule",
    reviewId,
  };
}

async function putService(
  here: Installation,
  { workspaceId, applicationId }: Record<"workspaceId" | "applicationId", string>,
): Promise<string> {
  const { db, defaultTenant } = here.replicas[0]!.ground;
  const serviceId = `svc_${"a".repeat(20)}`;
  const service = { id: serviceId, name: "shop", definition: ServiceDefinition.parse(definition) };
  await sql`insert into service (id, tenant_id, workspace_id, application_id, name, definition)
    values (${serviceId}, ${defaultTenant}, ${workspaceId}, ${applicationId}, 'shop', ${JSON.stringify(service.definition)})`.execute(
    db,
  );
  await sql`insert into service_parameters (service_id, tenant_id, version, env)
    values (${serviceId}, ${defaultTenant}, 1, '{"SECRET": "of A"}')`.execute(db);
  return serviceId;
}

async function joinHost(
  here: Installation,
  { workspace, name, token }: Record<"workspace" | "name" | "token", string>,
): Promise<string> {
  const made = await here.call("POST", "/join-tokens", { token, body: { workspace, zone: "a" } });
  const body = {
    token: made.body.token,
    name,
    address: "127.0.0.1",
    journalId: `jrn_${"0".repeat(20)}`,
    bootId: "boot",
  };
  const joined = await here.call("POST", "/hosts/join", { token: null, body });
  expect(joined.status, JSON.stringify(joined.body)).toBe(201);
  return String(joined.body.credential);
}

/** What the keeper of a rule writes every ten seconds, with nobody asked. */
const LOOKED = ["verdict", "looked_at"];

/** Every row of every table that does not belong to B, as text. */
async function everythingButB(here: Installation): Promise<Record<string, string[]>> {
  const { db } = here.replicas[0]!.ground;
  const { id } = await db.selectFrom("tenant").select("id").where("name", "=", "b").executeTakeFirstOrThrow();
  const tables = await sql<{ name: string }>`select tablename as name from pg_tables
    where schemaname = 'public' and tablename not in ('replica', 'kysely_migration', 'kysely_migration_lock')`.execute(
    db,
  );
  const found: Record<string, string[]> = {};
  for (const { name } of tables.rows) {
    const own = name === "scaling_rule" ? LOOKED : [];
    const { rows } = await sql<{ row: string }>`
      select (to_jsonb(t) - ${own}::text[])::text as row from ${sql.table(name)} t`.execute(db);
    found[name] = rows
      .map(({ row }) => row)
      .filter((row) => !row.includes(id))
      .toSorted();
  }
  return found;
}
