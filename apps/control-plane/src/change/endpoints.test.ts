import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { digestOf, goodPackage } from "../package/testing.ts";
import { type Answer, type Installation, serverKinds, startInstallation } from "../testing.ts";

const bits = goodPackage("of a change");
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

describe.each(await serverKinds())("changes over HTTP on %s", (kind) => {
  let here: Installation;
  beforeAll(async () => {
    here = await startInstallation(kind);
    await here.addReplica();
    await here.call("POST", "/workspaces", { body: { name: "local", zones: ["a"] } });
    await here.call("POST", "/applications", { body: { name: "shop" } });
    await furnish(here);
  });
  afterAll(() => here.close());

  test("a verb acts once: its repetition gets the first answer and leaves no second audit entry", async () => {
    const { id } = (await here.call("POST", "/changes", { body: release })).body;
    const headers = { "idempotency-key": randomUUID() };
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

  test("created and started as one, a change is not kept where its start is refused", async () => {
    const first = await here.call("POST", "/changes", { body: { ...release, start: {} } });
    expect(first).toMatchObject({ status: 201, body: { state: "running" } });
    const count = async () =>
      ((await here.call("GET", "/changes?limit=200")).body.items as unknown as unknown[]).length;
    const before = await count();
    const second = await here.call("POST", "/changes", { body: { ...release, start: {} } });
    expect(second).toMatchObject({ status: 409, body: { code: "LOCK_HELD" } });
    expect(await count()).toBe(before);
    const { secret } = (await here.call("POST", "/tokens", { body: { as: "planner", may: ["release-order:create"] } }))
      .body;
    expect(
      await here.call("POST", "/changes", { body: { ...release, start: {} }, token: String(secret) }),
    ).toMatchObject({ status: 403, body: { code: "PERMISSION_MISSING" } });
    await here.call("POST", `/changes/${first.body.id}/cancel`, { body: {} });
  });

  const events = async (id: unknown, lastEventId: string): Promise<Response> =>
    await fetch(`${here.replicas[0]!.url}/api/v1/changes/${id}/events`, {
      headers: { authorization: `Bearer ${here.adminToken}`, "last-event-id": lastEventId },
    });

  test.each(["abc", "-1", "1.5", "1e3"])("a watcher that comes back with Last-Event-ID %s is refused", async (last) => {
    const { id } = (await here.call("POST", "/changes", { body: release })).body;
    const answer = await events(id, last);
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ code: "INPUT_INVALID", facts: { field: "Last-Event-ID" } });
  });

  test("a watcher that claims to have more events than there are gets the next one", async () => {
    const { id, sequence } = (await here.call("POST", "/changes", { body: release })).body;
    const answer = await events(id, "1000000");
    await here.call("POST", `/changes/${id}/cancel`, { body: {} });
    const text = await answer.text();
    const ids = [...text.matchAll(/^id: (\d+)$/gm)].map((found) => Number(found[1]));
    expect(ids[0]).toBe(Number(sequence) + 1);
    expect(text).toContain('"to":"cancelled"');
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
