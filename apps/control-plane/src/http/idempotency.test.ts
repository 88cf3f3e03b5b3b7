import { randomUUID } from "node:crypto";
import { type Api, api } from "@evenkeel/contracts/api";
import type { Endpoint } from "@evenkeel/contracts/endpoint";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { digestOf, goodPackage } from "../package/testing.ts";
import { secretDigest } from "../principal/index.ts";
import { type Installation, serverKinds, startInstallation } from "../testing.ts";

const bits = goodPackage("sent twice");
const upload = { application: "shop", version: "1.0.0", digest: digestOf(bits), sizeBytes: bits.length };
/** Makes nothing that is there afterwards, joins or logs in with what works once, or is the same for the same bytes. */
const NOT_CREATING = [
  ...["planChange", "planRollback", "matchTrafficRules", "admitHost"],
  ...["joinHost", "joinGateway", "createSession", "uploadModule"],
];

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
});
