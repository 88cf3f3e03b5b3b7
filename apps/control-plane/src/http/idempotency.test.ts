import { randomUUID } from "node:crypto";
import { type Api, api } from "@evenkeel/contracts/api";
import type { Endpoint } from "@evenkeel/contracts/endpoint";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { digestOf, goodPackage } from "../package/testing.ts";
import { secretDigest } from "../principal/index.ts";
import { type Answer, type Installation, serverKinds, startInstallation } from "../testing.ts";

const bits = goodPackage("sent twice");
const upload = { application: "shop", version: "1.0.0", digest: digestOf(bits), sizeBytes: bits.length };
const release = {
  kind: "release-order",
  spec: {
    workspace: "local",
    application: "shop",
    package: { version: "1.0.0" },
    definition: { start: "node server.js", routes: [{ host: "shop.localhost", path: "/" }] },
  },
};

/** Makes nothing that is there afterwards, or joins with a token that works once. */
const NOT_CREATING = ["planChange", "admitHost", "joinHost", "joinGateway"];

test("every POST that makes something takes an Idempotency-Key", () => {
  const posts = (Object.entries(api satisfies Api) as [string, Endpoint][]).filter(
    ([name, { method }]) => method === "POST" && !NOT_CREATING.includes(name),
  );
  expect(posts.length).toBeGreaterThan(15);
  expect(posts.filter(([, { idempotent }]) => idempotent !== true).map(([name]) => name)).toEqual([]);
});

describe.each(await serverKinds())("asking twice under one key on %s", (kind) => {
  let here: Installation;
  beforeAll(async () => {
    here = await startInstallation(kind);
    await here.addReplica();
    await here.call("POST", "/workspaces", { body: { name: "local", zones: ["a"] } });
    await here.call("POST", "/applications", { body: { name: "shop" } });
  });
  afterAll(() => here.close());

  const key = () => ({ "idempotency-key": randomUUID() });
  const everything = async (table: "token" | "join_token" | "idempotency_key" | "audit"): Promise<string> =>
    JSON.stringify(await here.replicas[0]!.ground.db.selectFrom(table).selectAll().execute());

  test.each([
    {
      noun: "token",
      path: "/tokens",
      body: { as: "ci", may: ["*:read"] },
      other: { as: "ci", may: ["*:*"] },
      field: "secret",
    },
    {
      noun: "join token",
      path: "/join-tokens",
      body: { workspace: "local" },
      other: { workspace: "local", for: "gateway" },
      field: "token",
    },
  ])("one $noun is made, its secret is shown again and stored nowhere", async ({ path, body, other, field }) => {
    const headers = key();
    const first = await here.call("POST", path, { body, headers });
    expect(first.status).toBe(201);
    const again = await here.call("POST", path, { body, headers, replica: 1 });
    expect(again).toMatchObject({ status: 201, body: first.body });
    expect(again.headers.get("idempotent-replayed")).toBe("true");
    expect(await here.call("POST", path, { body: other, headers })).toMatchObject({
      status: 422,
      body: { code: "IDEMPOTENCY_KEY_REUSED" },
    });
    const secret = String(first.body[field]);
    for (const table of ["token", "join_token", "idempotency_key", "audit"] as const)
      expect(await everything(table)).not.toContain(secret);
    const { db } = here.replicas[0]!.ground;
    const digest = secretDigest(secret);
    const made = [
      await db.selectFrom("token").select("id").where("digest", "=", digest).execute(),
      await db.selectFrom("join_token").select("id").where("digest", "=", digest).execute(),
    ].flat();
    expect(made).toHaveLength(1);
  });

  test("another token of the same principal does not read the secret again", async () => {
    const mine = await here.call("POST", "/tokens", { body: { as: "admin", may: ["*:*"] } });
    const headers = key();
    const body = { as: "sealed", may: ["*:read"] };
    expect(await here.call("POST", "/tokens", { body, headers })).toMatchObject({ status: 201 });
    const refused = await here.call("POST", "/tokens", { body, headers, token: String(mine.body.secret) });
    expect(refused).toMatchObject({ status: 409, body: { code: "ANSWER_SEALED" } });
    const { body: tokens } = await here.call("GET", "/tokens?limit=200");
    const sealed = (tokens.items as unknown as { principal: string }[]).filter(
      ({ principal }) => principal === "sealed",
    );
    expect(sealed).toHaveLength(1);
  });

  test("an upload is begun once, and the key is refused for other bits", async () => {
    const headers = key();
    const first = await here.call("POST", "/uploads", { body: upload, headers });
    const again = await here.call("POST", "/uploads", { body: upload, headers, replica: 1 });
    expect(again.body).toEqual(first.body);
    const other = { ...upload, version: "9.9.9" };
    expect(await here.call("POST", "/uploads", { body: other, headers })).toMatchObject({
      status: 422,
      body: { code: "IDEMPOTENCY_KEY_REUSED" },
    });
    const { db } = here.replicas[0]!.ground;
    const rows = await db.selectFrom("upload").select("version").execute();
    expect(rows).toEqual([{ version: "1.0.0" }]);
  });

  test("a verb acts once: its repetition gets the first answer and leaves no second audit entry", async () => {
    await furnish(here);
    const { id } = (await here.call("POST", "/changes", { body: release })).body;
    const headers = key();
    const path = `/changes/${id}/cancel`;
    const first = await here.call("POST", path, { body: {}, headers });
    expect(first).toMatchObject({ status: 200, body: { id, state: "cancelled" } });
    expect(await here.call("POST", path, { body: {}, headers, replica: 1 })).toMatchObject({
      status: 200,
      body: first.body,
    });
    expect(await here.call("POST", path, { body: {} })).toMatchObject({
      status: 409,
      body: { code: "ACTION_NOT_ALLOWED" },
    });
    const { body } = await here.call("GET", `/audit?resource=change/${id}`);
    expect(body.items).toMatchObject([
      { action: "change:cancel", outcome: "refused", code: "ACTION_NOT_ALLOWED" },
      { action: "change:cancel", outcome: "done", code: null },
      { action: "release-order:create", outcome: "done" },
    ]);
  });
});

/** A package, a host that counts as online and a gateway: what a release is planned from. */
async function furnish(here: Installation): Promise<void> {
  const make = async (path: string, body: object, token = here.adminToken): Promise<Answer["body"]> => {
    const answer = await here.call("POST", path, { body, token });
    expect(answer.status, JSON.stringify(answer.body)).toBeLessThan(300);
    return answer.body;
  };
  const { id } = await make("/uploads", upload);
  await fetch(`${here.replicas[0]!.url}/api/v1/uploads/${id}?offset=0`, {
    method: "PATCH",
    headers: { authorization: `Bearer ${here.adminToken}`, "content-type": "application/octet-stream" },
    body: new Uint8Array(bits),
  });
  const { token } = await make("/join-tokens", { workspace: "local" });
  const joining = { token, name: "local-1", address: "127.0.0.1", journalId: "jrn_1", bootId: "boot" };
  const { hostId } = await make("/hosts/join", joining);
  const gatewayToken = await make("/join-tokens", { workspace: "local", for: "gateway" });
  await make("/gateways/join", { token: gatewayToken.token, name: "gateway", url: "http://127.0.0.1:1" });
  const { db, lease, defaultTenant } = here.replicas[0]!.ground;
  await db
    .insertInto("host_session")
    .values({ host_id: hostId as never, tenant_id: defaultTenant, connection_epoch: 1, replica_id: lease.id })
    .execute();
}
