import type { EditHost } from "@evenkeel/contracts/host";
import { HostId, newId, WorkspaceId } from "@evenkeel/contracts/id";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Bed, problem, startBed, value } from "./test-bed.ts";

const at = "2026-01-01T00:00:00.000Z";
const host = {
  ...{ id: newId(HostId, "host"), workspaceId: newId(WorkspaceId, "wsp"), name: "local-1", zone: "a", cell: "blue" },
  ...{ address: "127.0.10.11", labels: { rack: "r1", tier: "small" }, state: "online", stateSince: at, facts: null },
  ...{ clockSkewMs: null, version: 1, createdAt: at, allowedActions: [] },
};
const principal = { id: "prn_0123456789abcdefghij", name: "admin", kind: "person", createdAt: at };

let bed: Bed;
beforeEach(async () => {
  bed = await startBed({
    "GET /me": () => value({ principal, may: ["*:*"], tenant: "default" }),
    "GET /hosts": () => value({ items: [host], nextCursor: null }),
    [`PATCH /hosts/${host.id}`]: ({ body }) => value({ ...host, ...(body as EditHost) }),
    [`GET /hosts/${host.id}`]: () => value(host),
    "POST /changes/plan": () => problem("CELL_LEFT_EMPTY", { cell: "blue", service: "shop" }),
    "POST /join-tokens": () => value({ token: "ekj_1", expiresAt: at }),
  });
  await bed.run(["login"]);
});
afterEach(() => bed.close());

const sent = () => bed.asked.at(-1)?.body;

test.each([
  [["local-1", "local-2", "--cell", "green"], { hosts: ["local-1", "local-2"], cell: "green" }],
  [[host.id, "--cell", "none", "--allow-gap"], { hosts: ["local-1"], cell: null, allowGap: true }],
])("host move %j asks for a change of traffic", async (args, { hosts, cell, ...more }) => {
  const { stderr } = await bed.run(["host", "move", ...args]);
  expect(sent()).toMatchObject({
    ...{ kind: "route-change" },
    spec: { workspace: "local", hosts: hosts.map((name) => ({ host: name, cell })), ...more },
  });
  expect(stderr).toContain("CELL_LEFT_EMPTY");
});

test("a cell is not edited: the command that moves a host is another one", async () => {
  const { code, stderr } = await bed.run(["host", "edit", "local-1", "--cell", "green"]);
  expect([code, stderr]).toEqual([2, expect.stringContaining("--cell")]);
});

test("labels are added and taken away one by one", async () => {
  await bed.run(["host", "edit", "local-1", "--label", "rack=", "disk=a=b", "--zone", "b"]);
  expect(sent()).toEqual({ zone: "b", labels: { tier: "small", disk: "a=b" } });
});

test.each([[["host", "edit", "local-1"]], [["host", "edit", "local-1", "--label", "rack"]]])(
  "%j is refused",
  async (args) => {
    expect((await bed.run(args)).stderr).toContain("INPUT_INVALID");
  },
);

test("list and show say in which cell a host is, and what it is called by", async () => {
  expect((await bed.run(["host", "list"])).stdout).toMatch(/CELL[\s\S]*blue/);
  expect((await bed.run(["host", "show", "local-1"])).stdout).toMatch(/cell\s+blue[\s\S]*rack=r1, tier=small/);
});

test("a token is for hosts of a cell", async () => {
  await bed.run(["host", "token", "--cell", "blue"]);
  expect(sent()).toMatchObject({ cell: "blue" });
});
