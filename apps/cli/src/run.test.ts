import { rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { HostId, newId, WorkspaceId } from "@evenkeel/contracts/id";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Bed, problem, startBed, TOKEN, value } from "./test-bed.ts";

const at = "2026-01-01T00:00:00.000Z";
const host = (name: string, state = "online") => ({
  ...{ id: newId(HostId, "host"), workspaceId: newId(WorkspaceId, "wsp"), name, zone: "a", cell: null },
  ...{ address: "127.0.10.11", labels: {}, state, stateSince: at, facts: null, clockSkewMs: null, version: 1 },
  ...{ createdAt: at, allowedActions: [] },
});
const me = {
  principal: { id: "prn_0123456789abcdefghij", name: "admin", kind: "person", createdAt: at },
  may: ["*:*"],
};

let bed: Bed;
beforeEach(async () => {
  bed = await startBed({
    "GET /me": () => value({ ...me, tenant: "default" }),
    "GET /hosts": () => value({ items: [host("local-1"), host("local-2", "offline")], nextCursor: null }),
    "GET /locks": () => problem("PERMISSION_MISSING", { principal: "ann", permission: "change:read" }),
    "GET /gateways": () => value({ nonsense: true }),
  });
});
afterEach(() => bed.close());

test("login finds the platform on this machine and stores the token for this user alone", async () => {
  const { code, stdout } = await bed.run(["login"]);
  expect({ code, stdout }).toMatchObject({
    code: 0,
    stdout: expect.stringContaining(`logged in to ${bed.url} as admin`),
  });
  const file = join(bed.folder, "config/evenkeel/session.json");
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(stdout).not.toContain(TOKEN);
  // Logged in, the folder's own token is no longer needed.
  rmSync(join(bed.home, "token"));
  expect((await bed.run(["host", "list"])).code).toBe(0);
});

test("login with an address and a token works from anywhere, and a wrong token is not stored", async () => {
  const env = { EVENKEEL_HOME: join(bed.folder, "nothing") };
  const wrong = await bed.run(["login", bed.url, "--token", "wrong"], env);
  expect(wrong).toMatchObject({ code: 1, stderr: expect.stringContaining("TOKEN_UNKNOWN") });
  expect(await bed.run(["host", "list"], env)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("NOT_LOGGED_IN"),
  });
  expect((await bed.run(["login", bed.url, "--token", TOKEN], env)).code).toBe(0);
  expect((await bed.run(["host", "list"], env)).code).toBe(0);
  await bed.run(["logout"], env);
  expect((await bed.run(["host", "list"], env)).code).toBe(1);
});

test("login on a machine without a platform says how to start one", async () => {
  const { code, stderr } = await bed.run(["login"], { EVENKEEL_HOME: join(bed.folder, "nothing") });
  expect(code).toBe(1);
  expect(stderr).toContain("evenkeel up");
  expect(stderr).toContain("PLATFORM_NOT_FOUND");
});

test("an error is one sentence, what to do and the code, on standard error, and the exit code is 1", async () => {
  expect(await bed.run(["lock", "list"])).toEqual({
    code: 1,
    stdout: "",
    stderr: [
      "✖ ann may not change:read.",
      "  Ask someone who may create tokens for one with this permission.  PERMISSION_MISSING",
      "",
    ].join("\n"),
  });
});

test("with --json there is one JSON value on standard output, for an error too", async () => {
  const hosts = await bed.run(["host", "list", "--json"]);
  expect(JSON.parse(hosts.stdout)).toHaveLength(2);
  const failed = await bed.run(["--json", "lock", "list"]);
  expect(JSON.parse(failed.stdout)).toMatchObject({ error: { code: "PERMISSION_MISSING" } });
  expect(failed.code).toBe(1);
});

test("wrong usage ends with 2 and never asks the API", async () => {
  for (const line of [["nonsense"], ["change", "start"], ["host", "list", "--nonsense"], ["change", "close", "x"]]) {
    const { code, stderr, stdout } = await bed.run([...line, "--json"]);
    expect({ line, code }).toEqual({ line, code: 2 });
    expect(stderr).toMatch(/^✖ [A-Z].*\.\n.*--help.*USAGE_WRONG\n$/s);
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: "USAGE_WRONG" } });
  }
  expect(await bed.run(["host"])).toMatchObject({ code: 2, stderr: expect.stringMatching(/^Usage: evenkeel host/) });
  expect(bed.asked).toEqual([]);
});

test("a host is named by its name, and one that does not exist is said to be unknown", async () => {
  expect((await bed.run(["host", "show", "local-2"])).stdout).toContain("offline");
  expect((await bed.run(["host", "show", "local-9"])).stderr).toContain("There is no host local-9. ".trim());
});

test("something that answers like no control plane is named", async () => {
  expect((await bed.run(["gateway", "list"])).stderr).toContain("REPLY_NOT_UNDERSTOOD");
});

test("the workspace of the option is what is asked for", async () => {
  await bed.run(["host", "list", "-w", "prod"]);
  expect(bed.asked.at(-1)?.query.get("workspace")).toBe("prod");
});

test("a login on this machine follows the platform to other ports", async () => {
  await bed.run(["login"]);
  const other = await startBed({ "GET /hosts": () => value({ items: [host("elsewhere")], nextCursor: null }) });
  writeFileSync(join(bed.home, "run/endpoints.json"), JSON.stringify({ controlPlanes: [other.url] }));
  const { stdout } = await bed.run(["host", "list"]);
  await other.close();
  expect(stdout).toContain("elsewhere");
});
