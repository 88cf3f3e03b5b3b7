import { afterAll, beforeAll, expect, test } from "vitest";
import { type Answer, type Installation, startInstallation } from "../testing.ts";

const CONSOLE = { "x-evenkeel-console": "1" };
const FOREIGN = { status: 403, body: { code: "ORIGIN_FOREIGN" } };

let here: Installation;

beforeAll(async () => {
  here = await startInstallation();
});
afterAll(async () => await here.close());

const post = (path: string, body: unknown, headers: Record<string, string> = CONSOLE): Promise<Answer> =>
  here.call("POST", path, { token: null, body, headers });

async function link(options: { readonly validSeconds?: number; readonly token?: string } = {}): Promise<string> {
  const { token = here.adminToken, ...body } = options;
  const made = await here.call("POST", "/login-links", { body, token });
  expect(made.status, JSON.stringify(made.body)).toBe(201);
  return String(made.body.link);
}

/** The cookie of a new session, as a browser sends it back. */
async function logIn(body: unknown): Promise<string> {
  const opened = await post("/sessions", body);
  expect(opened.status, JSON.stringify(opened.body)).toBe(201);
  return opened.headers.get("set-cookie")?.split(";")[0] ?? "";
}

const me = (cookie: string, headers: Record<string, string> = CONSOLE): Promise<Answer> =>
  here.call("GET", "/me", { token: null, headers: { ...headers, cookie } });

async function tokenOf(as: string, more: object = {}): Promise<{ readonly id: string; readonly secret: string }> {
  const { body } = await here.call("POST", "/tokens", { body: { as, may: ["change:read"], ...more } });
  return { id: String(body.id), secret: String(body.secret) };
}

test("a login link opens a session in a cookie that no script can read and no other site gets", async () => {
  const opened = await post("/sessions", { link: await link() });
  expect(opened).toMatchObject({ status: 201, body: { principal: "admin" } });
  const cookie = opened.headers.get("set-cookie") ?? "";
  expect(cookie).toMatch(/^evenkeel_session=ekt_[\w-]{43}; Path=\/api\/v1; HttpOnly; SameSite=Strict; Max-Age=43200$/);
  expect(JSON.stringify(opened.body)).not.toContain("ekt_");
  expect(await me(cookie.split(";")[0] ?? "")).toMatchObject({ status: 200, body: { principal: { name: "admin" } } });
});

test("a cookie is marked as secure where the browser knows the console by https", async () => {
  const headers = { ...CONSOLE, origin: "https://console.example.com", "x-forwarded-host": "console.example.com" };
  const opened = await post("/sessions", { token: here.adminToken }, headers);
  expect(opened.headers.get("set-cookie")).toMatch(/; Secure$/);
});

test("a login link is used once, though two come with it at the same moment", async () => {
  const once = { link: await link() };
  const answers = await Promise.all([post("/sessions", once), post("/sessions", once)]);
  expect(answers.map(({ status }) => status).toSorted()).toEqual([201, 401]);
  expect(await post("/sessions", once)).toMatchObject({ status: 401, body: { code: "LOGIN_LINK_USED" } });
});

test("a login link that has expired, or that nobody made, opens nothing", async () => {
  const old = await link({ validSeconds: 1 });
  const { db } = here.replicas[0]!.ground;
  await db.updateTable("login_link").set({ expires_at: "2026-01-01T00:00:00Z" }).where("used_at", "is", null).execute();
  for (const each of [old, "ekl_invented"]) {
    const answer = await post("/sessions", { link: each });
    expect(answer).toMatchObject({ status: 401, body: { code: "LOGIN_LINK_UNKNOWN" } });
    expect(answer.headers.get("set-cookie")).toBeNull();
  }
});

test("what is stored of a link and of a session is no secret", async () => {
  const secret = await link();
  await logIn({ link: secret });
  const { db } = here.replicas[0]!.ground;
  const stored = JSON.stringify([
    await db.selectFrom("login_link").selectAll().execute(),
    await db.selectFrom("token").selectAll().execute(),
    await db.selectFrom("audit").selectAll().execute(),
  ]);
  expect(stored).not.toContain(secret);
  expect(stored).not.toMatch(/ek[tl]_[\w-]{40}/);
});

test("a session may what the token may that it was opened with, and no more", async () => {
  const { secret } = await tokenOf("reader");
  const cookie = await logIn({ link: await link({ token: secret }) });
  const ask = (method: string, path: string) =>
    here.call(method, path, { token: null, headers: { ...CONSOLE, cookie } });
  expect(await ask("GET", "/changes")).toMatchObject({ status: 200 });
  expect(await ask("GET", "/hosts")).toMatchObject({ status: 403, body: { code: "PERMISSION_MISSING" } });
});

test("a session ends with the token that it was opened with, at the latest", async () => {
  const { id, secret } = await tokenOf("leaver", { validSeconds: 60 });
  const opened = await post("/sessions", { token: secret });
  expect(Date.parse(String(opened.body.expiresAt))).toBeLessThan(Date.now() + 120_000);
  const cookie = opened.headers.get("set-cookie")?.split(";")[0] ?? "";
  expect(await me(cookie)).toMatchObject({ status: 200 });
  expect(await here.call("DELETE", `/tokens/${id}`)).toMatchObject({ status: 204 });
  expect(await me(cookie)).toMatchObject({ status: 401, body: { code: "TOKEN_UNKNOWN" } });
});

test("who logs out ends that session alone, and its cookie goes", async () => {
  const [mine, other] = [await logIn({ token: here.adminToken }), await logIn({ token: here.adminToken })];
  const left = await here.call("DELETE", "/sessions/current", { token: null, headers: { ...CONSOLE, cookie: mine } });
  expect(left.status).toBe(204);
  expect(left.headers.get("set-cookie")).toMatch(/^evenkeel_session=; .*Max-Age=0/);
  expect(await me(mine)).toMatchObject({ status: 401 });
  expect(await me(other)).toMatchObject({ status: 200 });
});

test("an access token is not ended by logging out with it", async () => {
  const { secret } = await tokenOf("robot");
  expect(await here.call("DELETE", "/sessions/current", { token: secret })).toMatchObject({ status: 204 });
  expect(await here.call("GET", "/me", { token: secret })).toMatchObject({ status: 200 });
});

test("a cookie counts from the console's own origin alone, for reading as for changing", async () => {
  const cookie = await logIn({ token: here.adminToken });
  const own = new URL(here.replicas[0]!.url).origin;
  const refused = [
    {},
    { ...CONSOLE, origin: "https://evil.example.com" },
    { ...CONSOLE, origin: "http://127.0.0.1:1" },
    { ...CONSOLE, origin: "null" },
    { ...CONSOLE, "sec-fetch-site": "cross-site" },
    { ...CONSOLE, "sec-fetch-site": "same-site" },
  ];
  for (const headers of refused) {
    expect(await me(cookie, headers), JSON.stringify(headers)).toMatchObject(FOREIGN);
    const body = { name: "stolen", zones: ["a"] };
    const made = await here.call("POST", "/workspaces", { token: null, body, headers: { ...headers, cookie } });
    expect(made, JSON.stringify(headers)).toMatchObject(FOREIGN);
  }
  expect(await me(cookie, { ...CONSOLE, origin: own, "sec-fetch-site": "same-origin" })).toMatchObject({ status: 200 });
});

test("nobody is logged in by a page of another origin", async () => {
  const body = { token: here.adminToken };
  expect(await post("/sessions", body, {})).toMatchObject(FOREIGN);
  expect(await post("/sessions", body, { ...CONSOLE, origin: "https://evil.example.com" })).toMatchObject(FOREIGN);
});

test("sessions are listed as such, and can be revoked like any token", async () => {
  const { secret } = await tokenOf("lister");
  const cookie = await logIn({ token: secret });
  const { body } = await here.call("GET", "/tokens?limit=200");
  const all = body.items as unknown as { id: string; principal: string; kind: string }[];
  const mine = all.filter(({ principal }) => principal === "lister");
  expect(mine.map(({ kind }) => kind).toSorted()).toEqual(["access", "session"]);
  const session = mine.find(({ kind }) => kind === "session");
  expect(await here.call("DELETE", `/tokens/${session?.id}`)).toMatchObject({ status: 204 });
  expect(await me(cookie)).toMatchObject({ status: 401 });
});
