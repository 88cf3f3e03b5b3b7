import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Installation, serverKinds, startInstallation } from "../testing.ts";

describe.each(await serverKinds())("workspaces, cells and applications on %s", (kind) => {
  let here: Installation;
  beforeAll(async () => {
    here = await startInstallation(kind);
  });
  afterAll(async () => {
    await here.close();
  });
  const post = (path: string, body: object) => here.call("POST", path, { body });
  const refused = (status: number, code: string, facts: object = {}) => ({ status, body: { code, facts } });

  test("a workspace spans zones of one region, each named once", async () => {
    const made = await post("/workspaces", { name: "prod", region: "north", zones: ["a", "b"] });
    expect(made).toMatchObject({ status: 201, body: { name: "prod", region: "north", zones: ["a", "b"], version: 1 } });
    expect((await here.call("GET", "/workspaces/prod")).body).toEqual(made.body);
    expect(await post("/workspaces", { name: "prod", zones: ["a"] })).toMatchObject(refused(409, "ALREADY_EXISTS"));
    expect(await post("/workspaces", { name: "twice", zones: ["a", "a"] })).toMatchObject(
      refused(400, "INPUT_INVALID", { field: "zones" }),
    );
    expect(await here.call("GET", "/workspaces/twice")).toMatchObject(refused(404, "NOT_FOUND"));
  });

  test("a cell lies in zones of its workspace, and cells are listed by workspace", async () => {
    await post("/workspaces", { name: "cells", zones: ["a", "b"] });
    await post("/workspaces", { name: "no-cells", zones: ["a"] });
    const made = await post("/cells", { workspace: "cells", name: "blue", zones: ["b"] });
    expect(made).toMatchObject({ status: 201, body: { name: "blue", zones: ["b"] } });
    expect(await post("/cells", { workspace: "cells", name: "green", zones: ["c"] })).toMatchObject(
      refused(400, "INPUT_INVALID", { field: "zones" }),
    );
    expect(await post("/cells", { workspace: "nowhere", name: "green", zones: ["a"] })).toMatchObject(
      refused(404, "NOT_FOUND"),
    );
    expect(await post("/cells", { workspace: "cells", name: "blue", zones: ["a"] })).toMatchObject(
      refused(409, "ALREADY_EXISTS"),
    );
    expect((await here.call("GET", "/cells?workspace=cells")).body.items).toEqual([made.body]);
    expect((await here.call("GET", "/cells?workspace=no-cells")).body.items).toEqual([]);
    expect(await here.call("GET", "/cells?workspace=nowhere")).toMatchObject(refused(404, "NOT_FOUND"));
  });

  test("an application belongs to whoever made it, and an edit changes what it names and raises the version", async () => {
    const made = await post("/applications", { name: "shop", tags: ["web", "core"], metadata: { team: "blue" } });
    expect(made).toMatchObject({ status: 201, body: { owner: "admin", level: 3, group: "", version: 1 } });
    const edited = await here.call("PATCH", "/applications/shop", { body: { level: 1, tags: ["web"] } });
    expect(edited.body).toEqual({ ...made.body, level: 1, tags: ["web"], version: 2 });
    expect((await here.call("GET", "/applications/shop")).body).toEqual(edited.body);
    expect(await here.call("PATCH", "/applications/shop", { body: { level: 9 } })).toMatchObject(
      refused(400, "INPUT_INVALID"),
    );
    expect(await here.call("PATCH", "/applications/shop", { body: { name: "other" } })).toMatchObject(
      refused(400, "INPUT_UNKNOWN_FIELD", { field: "name" }),
    );
    expect(await here.call("PATCH", "/applications/none", { body: { level: 1 } })).toMatchObject(
      refused(404, "NOT_FOUND"),
    );
  });

  test("applications are found by owner, group, level and tag", async () => {
    await post("/applications", { name: "one", owner: "ann", group: "g1", level: 1, tags: ["x", "y"] });
    await post("/applications", { name: "two", owner: "ben", group: "g1", level: 2, tags: ["y"] });
    const found = async (query: string) => {
      const { body } = await here.call("GET", `/applications?${query}`);
      return (body.items as unknown as { name: string }[]).map(({ name }) => name);
    };
    expect(await found("owner=ann")).toEqual(["one"]);
    expect(await found("group=g1")).toEqual(["one", "two"]);
    expect(await found("group=g1&level=2")).toEqual(["two"]);
    expect(await found("tag=x")).toEqual(["one"]);
    expect(await found("tag=y&owner=ben")).toEqual(["two"]);
    expect(await found("tag=%27%20or%20true--")).toEqual([]);
  });
});
