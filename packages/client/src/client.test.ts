import { api } from "@evenkeel/contracts/api";
import { PlatformError } from "@evenkeel/contracts/error";
import { ChangeId, HostId, newId, WorkspaceId } from "@evenkeel/contracts/id";
import { expect, test } from "vitest";
import { createClient } from "./client.ts";
import { allItems, eachItem } from "./page.ts";
import { send, sendProblem, serverPerTest } from "./test-server.ts";

const serve = serverPerTest();

const workspace = (name: string) => ({
  id: newId(WorkspaceId, "wsp"),
  name,
  region: "local",
  zones: ["a", "b"],
  version: 1,
  createdAt: "2026-01-01T00:00:00.000Z",
});
const changeId = newId(ChangeId, "chg");
const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => "no error",
    (error: PlatformError) => error.code,
  );

test("every operation of the API is a function of the client", () => {
  expect(Object.keys(createClient({ url: "http://localhost" }))).toEqual(expect.arrayContaining(Object.keys(api)));
});

test("a call sends token, path, query and body, and gets the parsed reply", async () => {
  const heard: unknown[] = [];
  const server = await serve(({ request, body }) => {
    heard.push([request.method, request.url, request.headers.authorization, body.toString()]);
    return workspace("dev");
  });
  const client = createClient({ url: server.url, token: "secret" });
  expect(await client.getWorkspace({ params: { workspace: "dev" } })).toMatchObject({ name: "dev", zones: ["a", "b"] });
  await client.createWorkspace({ body: { name: "dev", zones: ["a"] } });
  expect(heard).toEqual([
    ["GET", "/api/v1/workspaces/dev", "Bearer secret", ""],
    ["POST", "/api/v1/workspaces", "Bearer secret", '{"name":"dev","zones":["a"]}'],
  ]);
});

test("a problem document becomes an error with its code and facts", async () => {
  const facts = { resource: "service shop", holder: "ann", since: "noon", why: "a release" };
  const server = await serve(({ response }) => sendProblem(response, "LOCK_HELD", facts));
  const client = createClient({ url: server.url });
  const error = await client.startChange({ params: { changeId }, body: {} }).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(PlatformError);
  expect(error).toMatchObject({ code: "LOCK_HELD", facts });
});

test("a control plane that does not answer, or something that is none, is named", async () => {
  const server = await serve(({ response }) => response.writeHead(404).end("<html>"));
  expect(await codeOf(createClient({ url: server.url }).listHosts())).toBe("REPLY_NOT_UNDERSTOOD");
  server.answer = () => ({ hello: "world" });
  expect(await codeOf(createClient({ url: server.url }).listHosts())).toBe("REPLY_NOT_UNDERSTOOD");
  server.answer = () => new Promise(() => undefined);
  expect(await codeOf(createClient({ url: server.url }).listHosts({ timeoutMs: 50 }))).toBe(
    "CONTROL_PLANE_UNREACHABLE",
  );
  await server.close();
  expect(await codeOf(createClient({ url: server.url }).listHosts())).toBe("CONTROL_PLANE_UNREACHABLE");
});

test("fields that a newer control plane has added are left out of the reply", async () => {
  const server = await serve(() => ({ items: [{ ...workspace("dev"), colour: "blue" }], nextCursor: null, total: 1 }));
  const reply = await createClient({ url: server.url }).listWorkspaces();
  expect(reply.items[0]).not.toHaveProperty("colour");
  expect(reply).not.toHaveProperty("total");
});

test("when the first control plane is away the next one is asked", async () => {
  const away = await serve(() => null);
  await away.close();
  const server = await serve(() => ({ items: [workspace("dev")], nextCursor: null }));
  const client = createClient({ url: [away.url, server.url] });
  expect((await client.listWorkspaces()).items).toHaveLength(1);
  await client.pauseChange({ params: { changeId }, body: {} }).catch(() => undefined);
  expect(server.asked.at(-1)).toBe(`POST /api/v1/changes/${changeId}/pause`);
});

test("reading waits for a control plane that restarts", async () => {
  const reply = { items: [workspace("dev")], nextCursor: null };
  const server = await serve(() => reply);
  const client = createClient({ url: server.url });
  await client.listWorkspaces();
  await server.close();
  const waiting = client.listWorkspaces();
  await serve(() => reply, server.port);
  expect((await waiting).items).toHaveLength(1);
});

test("the first call of all waits, too, for a control plane that says that its database is away", async () => {
  let calls = 0;
  const server = await serve(({ response }) => {
    calls += 1;
    if (calls < 3) sendProblem(response, "UNAVAILABLE", { what: "database" });
    else send(response, 200, { items: [workspace("dev")], nextCursor: null });
  });
  expect((await createClient({ url: server.url }).listWorkspaces()).items).toHaveLength(1);
  const impatient = createClient({ url: server.url, patienceMs: 0 });
  calls = 0;
  expect(await codeOf(impatient.listWorkspaces())).toBe("UNAVAILABLE");
});

test("what takes no key is not sent a second time when its answer was lost", async () => {
  const server = await serve(({ response }) => response.destroy());
  const client = createClient({ url: [server.url, server.url], patienceMs: 2000 });
  expect(await codeOf(client.admitHost({ params: { hostId: newId(HostId, "host") } }))).toBe(
    "CONTROL_PLANE_UNREACHABLE",
  );
  expect(server.asked).toHaveLength(1);
});

test("a verb whose answer was lost is sent again under the same Idempotency-Key", async () => {
  const keys: unknown[] = [];
  const server = await serve(({ request, response }) => {
    keys.push(request.headers["idempotency-key"]);
    if (keys.length === 1) response.destroy();
    else sendProblem(response, "ACTION_NOT_ALLOWED");
  });
  const client = createClient({ url: [server.url, server.url] });
  expect(await codeOf(client.retryChange({ params: { changeId }, body: {} }))).toBe("ACTION_NOT_ALLOWED");
  expect(keys).toHaveLength(2);
  expect(new Set(keys).size).toBe(1);
});

test("a creating call whose answer was lost is sent again under the same Idempotency-Key", async () => {
  const keys: unknown[] = [];
  const server = await serve(({ request, response }) => {
    keys.push(request.headers["idempotency-key"]);
    if (keys.length === 1) response.destroy();
    else if (keys.length === 2) sendProblem(response, "IDEMPOTENCY_KEY_BUSY");
    else send(response, 201, workspace("dev"));
  });
  const client = createClient({ url: [server.url, server.url] });
  expect(await client.createWorkspace({ body: { name: "dev", zones: ["a"] } })).toMatchObject({ name: "dev" });
  expect(keys).toHaveLength(3);
  expect(new Set(keys).size).toBe(1);
});

test("a list is read page by page, only as far as it is asked for", async () => {
  const server = await serve(({ url }) => {
    const start = Number(url.searchParams.get("cursor") ?? 0);
    const items = Array.from({ length: 3 }, (_, index) => workspace(`w${start + index}`));
    return { items, nextCursor: start < 6 ? String(start + 3) : null };
  });
  const client = createClient({ url: server.url });
  expect(await allItems(client.listWorkspaces, { limit: 3 })).toHaveLength(9);
  server.asked.length = 0;
  for await (const item of eachItem(client.listWorkspaces, { limit: 3 })) if (item.name === "w4") break;
  expect(server.asked).toEqual(["GET /api/v1/workspaces?limit=3", "GET /api/v1/workspaces?limit=3&cursor=3"]);
});
