import { GATEWAY_LINK_PATH } from "@evenkeel/contracts/gateway-protocol";
import type { GatewayId } from "@evenkeel/contracts/id";
import { inTransaction } from "@evenkeel/kit/sql";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { WebSocket } from "ws";
import { openSocket, type Seed, seedService, until } from "../link/testing.ts";
import { confirmation, setRoutes } from "../route/index.ts";
import { type Answer, type Installation, serverKinds, startInstallation } from "../testing.ts";

describe.each(await serverKinds())("gateways on %s", (kind) => {
  let here: Installation;
  let world: Seed;
  const database = () => here.replicas[0]!.ground.db;

  beforeAll(async () => {
    here = await startInstallation(kind);
    await here.call("POST", "/workspaces", { body: { name: "local", zones: ["a"] } });
    await here.call("POST", "/applications", { body: { name: "shop" } });
    world = await database()
      .selectFrom("workspace")
      .innerJoin("application", "application.tenant_id", "workspace.tenant_id")
      .select(["workspace.tenant_id as tenantId", "workspace.id as workspaceId", "application.id as applicationId"])
      .executeTakeFirstOrThrow();
  });
  afterAll(async () => await here.close());

  const token = async (joins: string): Promise<string> => {
    const { body } = await here.call("POST", "/join-tokens", { body: { workspace: "local", for: joins } });
    return String(body.token);
  };
  const join = async (joinToken: string, name: string): Promise<Answer> => {
    const body = { token: joinToken, name, url: "http://127.0.0.1:7780" };
    return await here.call("POST", "/gateways/join", { body, token: null });
  };
  const list = async (): Promise<
    { id: string; name: string; state: string; tlsPort: number; ackedVersion: number }[]
  > => (await here.call("GET", "/gateways?workspace=local")).body.items ?? [];
  async function connect({ gatewayId, credential }: { gatewayId: GatewayId; credential: string }): Promise<WebSocket> {
    const socket = await openSocket(`${here.replicas[0]!.url}/api/v1${GATEWAY_LINK_PATH}`, credential);
    const hello = { kind: "hello", protocol: 1, gatewayId, driver: "node", gatewayVersion: "test", tlsPort: 7743 };
    socket.send(JSON.stringify({ ...hello, epoch: 1, tableVersion: 0, sentAt: new Date().toISOString() }));
    return socket;
  }

  test("a gateway joins by a token of its own kind, once", async () => {
    expect(await join(await token("host"), "wrong")).toMatchObject({ status: 401, body: { code: "JOIN_TOKEN_USED" } });
    const joinToken = await token("gateway");
    expect((await join(joinToken, "edge")).status).toBe(201);
    expect(await join(joinToken, "edge-2")).toMatchObject({ status: 401, body: { code: "JOIN_TOKEN_USED" } });
    expect(await list()).toMatchObject([{ name: "edge", state: "joining", tlsPort: null }]);
  });

  test("a gateway is shown as it comes and goes, and doctor names one that is away", async () => {
    const joined = (await join(await token("gateway"), "coming")).body as unknown as Parameters<typeof connect>[0];
    const socket = await connect(joined);
    const state = async () => (await list()).find(({ id }) => id === joined.gatewayId)?.state;
    await until(async () => (await state()) === "online");
    expect((await list()).find(({ id }) => id === joined.gatewayId)?.tlsPort).toBe(7743);
    socket.close();
    await until(async () => (await state()) === "offline");
    const { items } = (await here.call("GET", "/doctor")).body as unknown as { items: object[] };
    expect(items).toContainEqual(
      expect.objectContaining({ resource: `gateway/${joined.gatewayId}`, actions: ["gateway remove coming"] }),
    );
  });

  test("a removed gateway is cut off, cannot come back, and nobody waits for it", async () => {
    const joined = (await join(await token("gateway"), "leaving")).body as unknown as Parameters<typeof connect>[0];
    const socket = await connect(joined);
    await until(async () => (await list()).some(({ name, state }) => name === "leaving" && state === "online"));
    const serviceId = await seedService(database(), world, "shop");
    const routes = [{ host: "shop.localhost", path: "/" }];
    const version = await inTransaction(database(), (tx) =>
      setRoutes(tx, { ...world, serviceId, routes, keepOthers: false }),
    );
    const waitingFor = async () =>
      (await confirmation(database(), world.workspaceId, version!.tableVersion)).waitingFor;
    expect(await waitingFor()).toContain("leaving");
    const closed = new Promise((resolve) => socket.once("close", resolve));
    expect((await here.call("DELETE", `/gateways/${joined.gatewayId}`)).status).toBe(204);
    await closed;
    expect(await waitingFor()).not.toContain("leaving");
    await expect(connect(joined)).rejects.toThrow("401");
    expect((await here.call("DELETE", `/gateways/${joined.gatewayId}`)).status).toBe(404);
    expect((await here.call("GET", "/routes?workspace=local")).body).toMatchObject({
      items: [{ service: "shop", host: "shop.localhost", path: "/" }],
    });
    expect((await here.call("GET", `/samples?service=${serviceId}`)).body).toEqual({ items: [], nextCursor: null });
  });
});
