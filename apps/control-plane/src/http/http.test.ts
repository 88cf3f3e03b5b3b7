import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { forgetOldEntries } from "../audit/index.ts";
import { type Installation, serverKinds, startInstallation } from "../testing.ts";

describe.each(await serverKinds())("the HTTP API on %s", (kind) => {
  let here: Installation;
  beforeAll(async () => {
    here = await startInstallation(kind);
  });
  afterAll(async () => {
    await here.close();
  });

  const problem = (code: string) => expect.objectContaining({ code, type: `urn:evenkeel:error:${code}` });

  test("health is public, everything else asks for a token", async () => {
    expect(await here.call("GET", "/health", { token: null })).toMatchObject({ status: 200, body: { status: "ok" } });
    expect(await here.call("GET", "/workspaces", { token: null })).toMatchObject({
      status: 401,
      body: problem("TOKEN_MISSING"),
    });
    expect(await here.call("GET", "/workspaces", { token: "no-such-token" })).toMatchObject({
      status: 401,
      body: problem("TOKEN_UNKNOWN"),
    });
  });

  test("who has lost his token reads no stream to its end", async () => {
    const { body } = await here.call("POST", "/tokens", { body: { as: "rita", may: ["*:read"] } });
    const headers = { authorization: `Bearer ${body.secret}` };
    await here.call("POST", "/workspaces", { body: { name: "read", zones: ["a"] } });
    const address = `${here.replicas[0]?.url}/api/v1/workspaces/read/events`;
    const stream = await fetch(address, { headers });
    expect(stream.status).toBe(200);
    expect((await here.call("DELETE", `/tokens/${body.id}`)).status).toBe(204);
    // It would go on for as long as anybody listens.
    await stream.text();
    expect((await fetch(address, { headers })).status).toBe(401);
  });

  test("an unknown address and a method that it does not take are problem documents", async () => {
    expect(await here.call("GET", "/nothing")).toMatchObject({ status: 404, body: problem("NOT_FOUND") });
    const refused = await here.call("DELETE", "/workspaces");
    expect(refused).toMatchObject({ status: 405, body: problem("METHOD_NOT_ALLOWED") });
    expect(refused.headers.get("allow")).toBe("GET, POST");
    expect(refused.headers.get("content-type")).toContain("application/problem+json");
  });

  test.each([
    ["a wrong field", { name: "Not a name", zones: ["a"] }, { code: "INPUT_INVALID", facts: { field: "name" } }],
    [
      "a missing field",
      { name: "one" },
      { code: "INPUT_INVALID", facts: { field: "zones", problem: "zones: is missing" } },
    ],
    ["an entry of a list", { name: "one", zones: ["a", 7] }, { code: "INPUT_INVALID", facts: { field: "zones.1" } }],
    [
      "an unknown field",
      { name: "one", zones: ["a"], colour: "red" },
      { code: "INPUT_UNKNOWN_FIELD", facts: { field: "colour" } },
    ],
    ["text that is not JSON", "{", { code: "INPUT_INVALID", facts: { field: "" } }],
    ["a name of JavaScript's own", '{"__proto__": {"name": "x"}}', { code: "INPUT_INVALID", facts: { field: "" } }],
    ["a list instead of an object", [], { code: "INPUT_INVALID", facts: { field: "" } }],
  ])("%s is refused, and the field is named", async (_, body, problem) => {
    const before = await here.call("GET", "/workspaces");
    const answer = await here.call("POST", "/workspaces", { body });
    expect(answer).toMatchObject({ status: 400, body: problem });
    expect((await here.call("GET", "/workspaces")).body).toEqual(before.body);
  });

  test("a body over the limit, and one of another type, are refused", async () => {
    const body = JSON.stringify({ name: "x".repeat(5 * 1024 ** 2) });
    expect(await here.call("POST", "/workspaces", { body })).toMatchObject({
      status: 413,
      body: problem("BODY_TOO_LARGE"),
    });
    const headers = { "content-type": "text/plain" };
    expect(await here.call("POST", "/workspaces", { body: "{}", headers })).toMatchObject({
      status: 415,
      body: problem("MEDIA_TYPE_UNSUPPORTED"),
    });
  });

  test.each([
    ["a NUL", "a\u0000b"],
    ["half a character", "a\ud800b"],
  ])("%s, which no database can store, is the sender's mistake", async (_, note) => {
    const actions = [{ name: "say", script: note }];
    for (const [path, body] of [
      ["/applications", { name: "unstorable", metadata: { note } }],
      ["/command-templates", { name: "unstorable", actions }],
    ] as const) {
      expect(await here.call("POST", path, { body })).toMatchObject({ status: 400, body: problem("INPUT_INVALID") });
    }
  });

  test("a refusal stands in the audit, whatever characters it was about", async () => {
    expect(await here.call("DELETE", "/windows/a%00b")).toMatchObject({ status: 400, body: problem("INPUT_INVALID") });
    const { body } = await here.call("GET", "/audit?limit=1");
    expect(body.items).toMatchObject([{ action: "window:delete", resource: "window/a\ufffdb", outcome: "refused" }]);
    await here.call("PUT", "/windows/own", { body: { "\ud800": 1 } });
    const next = await here.call("GET", "/audit?limit=1");
    expect(next.body.items).toMatchObject([{ action: "window:update", details: { field: "\ufffd" } }]);
  });

  test("a name that is too long for any, and an upload without a body, are the sender's mistakes", async () => {
    expect(await here.call("GET", `/workspaces/${"a".repeat(400)}`)).toMatchObject({
      status: 400,
      body: problem("INPUT_INVALID"),
    });
    expect(await here.call("POST", `/modules?digest=sha256:${"0".repeat(64)}`)).toMatchObject({
      status: 422,
      body: problem("BUNDLE_CORRUPT"),
    });
  });

  test("a list is read page by page, each item once, and a made-up cursor is refused", async () => {
    for (const name of ["p-1", "p-2", "p-3", "p-4", "p-5"])
      await here.call("POST", "/applications", { body: { name } });
    const names: unknown[] = [];
    let query = "?limit=2";
    for (;;) {
      const { body } = await here.call("GET", `/applications${query}`);
      const page = body as unknown as { items: { name: string }[]; nextCursor: string | null };
      expect(page.items.length).toBeLessThanOrEqual(2);
      names.push(...page.items.map(({ name }) => name));
      if (page.nextCursor === null) break;
      query = `?limit=2&cursor=${page.nextCursor}`;
    }
    expect(names).toEqual(["p-1", "p-2", "p-3", "p-4", "p-5"]);
    expect(await here.call("GET", "/applications?cursor=%27;drop")).toMatchObject({
      status: 400,
      body: problem("INPUT_INVALID"),
    });
    expect(await here.call("GET", "/applications?limt=2&colour=red")).toMatchObject({
      status: 400,
      body: {
        code: "INPUT_UNKNOWN_PARAMETER",
        facts: { field: "limt, colour", known: expect.stringContaining("limit, cursor") },
      },
    });
    expect(await here.call("GET", "/me?limit=2")).toMatchObject({
      status: 400,
      body: { code: "INPUT_UNKNOWN_PARAMETER", facts: { known: "no query" } },
    });
    expect(await here.call("GET", "/applications?limit=0")).toMatchObject({
      status: 400,
      body: problem("INPUT_INVALID"),
    });
  });

  test("the same Idempotency-Key gets the first answer, on every replica, and with another body a refusal", async () => {
    await here.addReplica();
    const headers = { "idempotency-key": "make-shop" };
    const body = { name: "idempotent-shop", tags: ["b", "a"] };
    const first = await here.call("POST", "/applications", { body, headers });
    expect(first.status).toBe(201);
    const second = await here.call("POST", "/applications", { body, headers, replica: 1 });
    expect(second).toMatchObject({ status: 201, body: first.body });
    expect(second.headers.get("idempotent-replayed")).toBe("true");
    expect(await here.call("POST", "/applications", { body: { ...body, level: 1 }, headers })).toMatchObject({
      status: 422,
      body: problem("IDEMPOTENCY_KEY_REUSED"),
    });
    expect(await here.call("POST", "/applications", { body })).toMatchObject({
      status: 409,
      body: problem("ALREADY_EXISTS"),
    });
  });

  test("of requests with one key at the same time one acts, and the others are told to ask again or get its answer", async () => {
    const headers = { "idempotency-key": "at-once" };
    const body = { name: "at-once" };
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, index) =>
        here.call("POST", "/applications", { body, headers, replica: index % 2 }),
      ),
    );
    const made = answers.filter(({ status }) => status === 201);
    const busy = answers.filter(({ body: { code } }) => (code as unknown) === "IDEMPOTENCY_KEY_BUSY");
    expect(made.length).toBeGreaterThanOrEqual(1);
    expect(made.length + busy.length).toBe(8);
    expect(new Set(made.map((answer) => answer.body.id)).size).toBe(1);
  });

  test("every verb and every refusal leaves an audit entry", async () => {
    await here.call("POST", "/applications", { body: { name: "audited" } });
    await here.call("POST", "/applications", { body: { name: "audited" } });
    const { body } = await here.call("GET", "/audit?limit=2");
    expect(body.items).toMatchObject([
      { principal: "admin", action: "application:create", outcome: "refused", code: "ALREADY_EXISTS" },
      { principal: "admin", action: "application:create", outcome: "done", code: null, address: "127.0.0.1" },
    ]);
  });

  test("entries of the audit go when they are older than the installation keeps them", async () => {
    await here.call("POST", "/applications", { body: { name: "long-ago" } });
    const { db } = here.replicas[0]!.ground;
    const [entry] = (await here.call("GET", "/audit?limit=1")).body.items as unknown as { id: string }[];
    const longAgo = new Date(Date.now() - 40 * 86_400_000).toISOString();
    await db.updateTable("audit").set({ at: longAgo }).where("id", "=", entry!.id).execute();
    const before = (await db.selectFrom("audit").select("id").execute()).length;
    await forgetOldEntries(db, 41);
    expect(await db.selectFrom("audit").select("id").execute()).toHaveLength(before);
    await forgetOldEntries(db, 39);
    const left = await db.selectFrom("audit").select("id").execute();
    expect(left.map(({ id }) => id)).not.toContain(entry!.id);
    expect(left).toHaveLength(before - 1);
  });

  test("a token may what it was given and no more, and grants no more", async () => {
    const limited = await here.call("POST", "/tokens", {
      body: { as: "ci", may: ["application:*", "token:create", "audit:read"] },
    });
    const token = String(limited.body.secret);
    expect(limited).toMatchObject({ status: 201, body: { principal: "ci", expiresAt: null } });
    expect(await here.call("GET", "/me", { token })).toMatchObject({
      status: 200,
      body: { principal: { name: "ci" } },
    });
    expect((await here.call("POST", "/applications", { token, body: { name: "by-ci" } })).body).toMatchObject({
      owner: "ci",
    });
    const refused = await here.call("POST", "/workspaces", { token, body: { name: "by-ci", zones: ["a"] } });
    expect(refused).toMatchObject({
      status: 403,
      body: { code: "PERMISSION_MISSING", facts: { permission: "workspace:create" } },
    });
    for (const body of [
      { as: "more", may: ["*:*"] },
      { as: "more", may: ["application:read", "workspace:create"] },
      { as: "admin", may: ["application:read"] },
    ]) {
      expect(await here.call("POST", "/tokens", { token, body })).toMatchObject({
        status: 403,
        body: problem("PERMISSION_MISSING"),
      });
    }
    expect(
      await here.call("POST", "/tokens", { token, body: { as: "less", may: ["application:read"] } }),
    ).toMatchObject({ status: 201 });
    const { body } = await here.call("GET", "/audit?limit=1&resource=workspace", { token });
    expect(body.items).toMatchObject([{ principal: "ci", outcome: "refused", code: "PERMISSION_MISSING" }]);
  });

  test("a token that another one made ends with it, and an expired one is unknown", async () => {
    const short = await here.call("POST", "/tokens", { body: { as: "short", may: ["token:*"], validSeconds: 1 } });
    const child = await here.call("POST", "/tokens", {
      token: String(short.body.secret),
      body: { as: "short", may: ["token:read"] },
    });
    expect(child.body.expiresAt).toEqual(short.body.expiresAt);
    const token = String(child.body.secret);
    await expect.poll(async () => (await here.call("GET", "/me", { token })).status, { timeout: 10_000 }).toBe(401);
  });

  test("a revoked token is unknown to the next request there, and to the other replica", async () => {
    const made = await here.call("POST", "/tokens", { body: { as: "passing", may: ["*:read"] } });
    const token = String(made.body.secret);
    for (const replica of [0, 1]) expect((await here.call("GET", "/me", { token, replica })).status).toBe(200);
    expect((await here.call("DELETE", `/tokens/${made.body.id}`)).status).toBe(204);
    expect((await here.call("GET", "/me", { token })).status).toBe(401);
    await expect.poll(async () => (await here.call("GET", "/me", { token, replica: 1 })).status).toBe(401);
    const { body } = await here.call("GET", "/tokens?limit=200");
    expect(JSON.stringify(body)).not.toContain(String(made.body.id));
  });

  test("the secret of a token stands in no list, no audit entry and no row", async () => {
    const made = await here.call("POST", "/tokens", { body: { as: "hidden", may: ["*:read"] } });
    const secret = String(made.body.secret);
    for (const path of ["/tokens?limit=200", "/audit?limit=200"]) {
      expect(JSON.stringify((await here.call("GET", path)).body)).not.toContain(secret);
    }
    const rows = await here.replicas[0]!.ground.db.selectFrom("token").selectAll().execute();
    expect(JSON.stringify(rows)).not.toContain(secret);
  });

  test("a request under way is answered before the process ends, and the next one finds another replica", async () => {
    const leaving = await here.addReplica();
    const index = here.replicas.indexOf(leaving);
    const body = { name: "answered-before-the-end" };
    const under = here.call("POST", "/applications", { body, replica: index });
    await sleep(1);
    await leaving.close(AbortSignal.timeout(5000));
    expect([201, undefined]).toContain((await under.catch(() => undefined))?.status);
    await expect(here.call("GET", "/health", { replica: index })).rejects.toThrow();
    (here.replicas as unknown[]).splice(index, 1);
    const doctor = await here.call("GET", "/doctor");
    expect(JSON.stringify(doctor.body.replicas)).not.toContain(leaving.ground.lease.id);
  });
});
