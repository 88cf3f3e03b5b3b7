import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Installation, serverKinds, startInstallation } from "../testing.ts";

describe.each(await serverKinds())("command templates on %s", (kind) => {
  let here: Installation;
  beforeAll(async () => {
    here = await startInstallation(kind);
  });
  afterAll(async () => await here.close());

  const create = async (script: string, name = "warm-up") =>
    await here.call("POST", "/command-templates", { body: { name, actions: [{ name: "go", script }] } });
  const get = async (reference: string) => await here.call("GET", `/command-templates/${reference}`);

  test("another definition is the next version, the same is the one that is there", async () => {
    expect(await create("echo 1")).toMatchObject({ status: 201, body: { version: 1, createdBy: "admin" } });
    expect((await create("echo 1")).body).toMatchObject({ version: 1 });
    expect((await create("echo 2")).body).toMatchObject({ version: 2 });
    expect((await get("warm-up")).body).toMatchObject({ version: 2 });
    expect((await get("warm-up@1")).body).toMatchObject({ version: 1, actions: [{ script: "echo 1", retries: 0 }] });
    expect(await get("warm-up@9")).toMatchObject({ status: 404, body: { code: "NOT_FOUND" } });
  });

  test("versions that are made at once come one after the other", async () => {
    const all = await Promise.all([..."abcdef"].map((letter) => create(`echo ${letter}`, "crowd")));
    expect(all.map(({ body }) => body.version).toSorted()).toEqual([1, 2, 3, 4, 5, 6]);
  });

  test("a list has the newest of each name, or every version of one", async () => {
    const list = async (query: string) => {
      const { items = [] } = (await here.call("GET", `/command-templates${query}`)).body;
      return (items as unknown as { name: string; version: number }[]).map(({ name, version }) => `${name}@${version}`);
    };
    expect(await list("")).toEqual(["warm-up@2", "crowd@6"]);
    expect(await list("?name=warm-up")).toEqual(["warm-up@1", "warm-up@2"]);
  });

  test.each([
    ["no action", { name: "x", actions: [] }],
    ["an action that is two at once", { name: "x", actions: [{ name: "a", script: "a", command: ["b"] }] }],
    ["an unknown step", { name: "x", actions: [{ step: "fly" }] }],
    ["an argument that no shell can name", { name: "x", arguments: { "a-b": {} }, actions: [{ step: "detach" }] }],
  ])("%s is refused, and nothing is stored", async (_, body) => {
    expect(await here.call("POST", "/command-templates", { body })).toMatchObject({ status: 400 });
    expect((await get("x")).status).toBe(404);
  });

  test("who may release may not write what runs on hosts, unless he may that too", async () => {
    const made = await here.call("POST", "/tokens", {
      body: { as: "ann", may: ["release-order:*", "command-template:read"] },
    });
    const token = String(made.body.secret);
    expect(await here.call("GET", "/command-templates", { token })).toMatchObject({ status: 200 });
    const body = { name: "evil", actions: [{ name: "go", script: "id" }] };
    expect(await here.call("POST", "/command-templates", { body, token })).toMatchObject({ status: 403 });
  });
});
