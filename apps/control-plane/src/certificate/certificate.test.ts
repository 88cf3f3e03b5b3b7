import { makeCertificate } from "@evenkeel/testkit/certificate";
import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { renderTable } from "../route/index.ts";
import { type Answer, type Installation, serverKinds, startInstallation } from "../testing.ts";
import { keySeal } from "./index.ts";

const shop = makeCertificate({ hosts: ["shop.example.org", "*.shop.example.org"] });
const renewed = makeCertificate({ hosts: ["shop.example.org"] });
const nobody = makeCertificate({ hosts: [] });

describe.each(await serverKinds())("certificates on %s", (kind) => {
  let here: Installation;
  beforeAll(async () => {
    here = await startInstallation(kind);
    await here.call("POST", "/workspaces", { body: { name: "local", zones: ["a"] } });
  });
  afterAll(async () => await here.close());

  const put = async (name: string, body: object): Promise<Answer> =>
    await here.call("PUT", `/certificates/${name}`, { body });
  const ground = () => here.replicas[0]!.ground;
  async function table(secret = ground().secretKey) {
    const { id } = await ground().db.selectFrom("workspace").select("id").executeTakeFirstOrThrow();
    return await renderTable(ground().db, id, keySeal(secret).open);
  }

  test("hosts and times are read from it, and nothing gives its key back", async () => {
    const { status, body } = await put("shop", shop);
    expect({ status, body }).toMatchObject({
      status: 200,
      body: {
        name: "shop",
        workspace: "local",
        hosts: ["shop.example.org", "*.shop.example.org"],
        fallback: false,
        endsAt: "2099-12-31T00:00:00.000Z",
        version: 1,
      },
    });
    const list = await here.call("GET", "/certificates?workspace=local");
    expect(list.body).toMatchObject({ items: [{ name: "shop" }] });
    const audit = await here.call("GET", "/audit?limit=50");
    const stored = await sql<{ text: string }>`select certificate::text as text from certificate`.execute(ground().db);
    const secretLine = shop.key.split("\n")[1]!;
    for (const text of [body, list.body, audit.body, stored.rows].map((each) => JSON.stringify(each))) {
      expect(text).toContain("shop");
      expect(text).not.toContain(secretLine);
      expect(text).not.toContain("PRIVATE KEY");
    }
  });

  test("gateways get it with its key, in the next version of their table; everybody else gets none", async () => {
    const before = await table();
    await put("shop", renewed);
    const after = await table();
    expect(after.version).toBe(before.version + 1);
    expect(after.certificates).toMatchObject([{ name: "shop", hosts: ["shop.example.org"], chain: renewed.chain }]);
    expect(after.certificates[0]!.key).toBe(renewed.key);
    expect((await renderTable(ground().db, after.workspaceId)).certificates).toEqual([]);
  });

  test("a key opens by the installation's own key alone, and only in its place", async () => {
    await expect(table("another-key-of-another-installation")).rejects.toMatchObject({ code: "SECRET_KEY_FOREIGN" });
    await expect(table(null)).rejects.toMatchObject({ code: "SECRET_KEY_MISSING" });
    await put("other", shop);
    await sql`update certificate set sealed_key = (select sealed_key from certificate where name = 'shop') where name = 'other'`.execute(
      ground().db,
    );
    await expect(table()).rejects.toMatchObject({ code: "SECRET_KEY_FOREIGN" });
    expect((await here.call("DELETE", "/certificates/other?workspace=local")).status).toBe(204);
  });

  test.each<[string, object, string]>([
    ["without its key", { chain: shop.chain }, "CERTIFICATE_KEY_MISSING"],
    ["with another's key", { chain: shop.chain, key: renewed.key }, "CERTIFICATE_KEY_FOREIGN"],
    ["that has ended", makeCertificate({ hosts: ["shop.example.org"], ended: true }), "CERTIFICATE_ENDED"],
    ["that cannot be read", { chain: "hello", key: shop.key }, "CERTIFICATE_INVALID"],
    ["that names nobody", nobody, "CERTIFICATE_NAMES_NOBODY"],
    ["for a workspace that is not there", { ...shop, workspace: "nowhere" }, "NOT_FOUND"],
  ])("one %s is refused, and the one in force stays", async (_, body, code) => {
    const before = await table();
    expect((await put("shop", body)).body).toMatchObject({ code });
    expect(await table()).toEqual(before);
  });

  test("one of a workspace is the default: the last one that was put as such", async () => {
    await put("one", { ...nobody, fallback: true });
    await put("two", { ...nobody, fallback: true });
    const { items } = (await here.call("GET", "/certificates")).body as unknown as {
      items: { name: string; fallback: boolean }[];
    };
    expect(items.filter(({ fallback }) => fallback).map(({ name }) => name)).toEqual(["two"]);
  });

  test("a deleted one is gone from the next table; what is not there is not deleted", async () => {
    for (const name of ["one", "two"]) await here.call("DELETE", `/certificates/${name}?workspace=local`);
    expect((await table()).certificates.map(({ name }) => name)).toEqual(["shop"]);
    expect((await here.call("DELETE", "/certificates/one?workspace=local")).status).toBe(404);
    expect((await here.call("GET", "/certificates/one?workspace=local")).status).toBe(404);
  });

  test("doctor names one that ends within three weeks, and one that has ended", async () => {
    const findings = async (): Promise<unknown[]> => {
      const { items } = (await here.call("GET", "/doctor")).body as unknown as { items: { resource: string }[] };
      return items.filter(({ resource }) => resource === "certificate/shop");
    };
    expect(await findings()).toEqual([]);
    const endsIn = async (days: number) =>
      await sql`update certificate set ends_at = clock_timestamp() + make_interval(days => ${days})`.execute(
        ground().db,
      );
    await endsIn(20);
    expect(await findings()).toMatchObject([{ severity: "warning", problem: { code: "CERTIFICATE_ENDING" } }]);
    await endsIn(-1);
    expect(await findings()).toMatchObject([{ severity: "error", problem: { code: "CERTIFICATE_ENDED" } }]);
  });

  test("a certificate is said to serve nobody while no gateway of its workspace listens for TLS", async () => {
    const unserved = async () => {
      const answer = await here.call("GET", "/certificates/shop?workspace=local");
      const { unserved: problem } = answer.body as unknown as { unserved: { code: string } | null };
      const { items } = (await here.call("GET", "/doctor")).body as unknown as {
        items: { resource: string; problem: { code: string } }[];
      };
      const found = items.filter(({ problem }) => problem.code === "TLS_DOOR_NONE").map(({ resource }) => resource);
      return { code: problem?.code ?? null, found };
    };
    const nobody = { code: "TLS_DOOR_NONE", found: ["workspace/local"] };
    expect(await unserved()).toEqual(nobody);
    await sql`insert into gateway (id, tenant_id, workspace_id, name, credential_digest)
      select 'gtw_' || repeat('0', 20), tenant_id, id, 'edge', 'none' from workspace`.execute(ground().db);
    const listens = async (port: number | null) => {
      await sql`update gateway set tls_port = ${port}`.execute(ground().db);
      return await unserved();
    };
    expect(await listens(null)).toEqual({ code: null, found: [] });
    expect(await listens(0)).toEqual(nobody);
    expect(await listens(7743)).toEqual({ code: null, found: [] });
  });
});
