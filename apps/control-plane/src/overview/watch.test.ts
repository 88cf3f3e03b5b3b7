import { createClient } from "@evenkeel/client/client";
import type { HostId } from "@evenkeel/contracts/id";
import { json } from "@evenkeel/kit/sql";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { seedHost } from "../link/testing.ts";
import { type Installation, serverKinds, startInstallation } from "../testing.ts";

describe.each(await serverKinds())("how a workspace stands, on %s", (kind) => {
  let here: Installation;
  let hostId: HostId;
  beforeAll(async () => {
    here = await startInstallation(kind);
    for (const name of ["one", "other"]) await here.call("POST", "/workspaces", { body: { name, zones: ["a"] } });
    await here.call("POST", "/applications", { body: { name: "shop" } });
    const { db } = here.replicas[0]!.ground;
    const world = await db
      .selectFrom("workspace")
      .innerJoin("application", "application.tenant_id", "workspace.tenant_id")
      .select(["workspace.tenant_id as tenantId", "workspace.id as workspaceId", "application.id as applicationId"])
      .where("workspace.name", "=", "one")
      .executeTakeFirstOrThrow();
    hostId = await seedHost(db, world, "bad-1");
    const problem = json({ code: "JOURNAL_LOST", title: "It is lost.", remedy: "", facts: {} }) as never;
    await db
      .updateTable("host")
      .set({ set_aside: "journal-lost", set_aside_problem: problem })
      .where("id", "=", hostId)
      .execute();
  });
  afterAll(() => here.close());

  async function resourcesIn(workspace: string): Promise<string[]> {
    const client = createClient({ url: here.replicas[0]!.url, token: here.adminToken });
    for await (const event of client.watchWorkspace(workspace))
      if (event.kind === "findings") return event.items.map(({ resource }) => resource);
    throw new Error("nothing was found");
  }

  test("what is wrong with a host is told where it is, and nowhere else", async () => {
    expect(await resourcesIn("one")).toContain(`host/${hostId}`);
    expect(await resourcesIn("other")).not.toContain(`host/${hostId}`);
  });
});
