import { api } from "@evenkeel/contracts/api";
import type { Endpoint } from "@evenkeel/contracts/endpoint";
import { ChangeId, newId } from "@evenkeel/contracts/id";
import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { KIND_NAMES } from "../kernel.ts";
import { type Installation, startInstallation } from "../testing.ts";

let here: Installation;
const secrets = new Map<string, string>();

beforeAll(async () => {
  here = await startInstallation();
  await here.call("POST", "/workspaces", { body: { name: "prod", zones: ["a"] } });
  for (const [as, may] of [
    ["nobody", ["nothing:nothing"]],
    ["ann", ["*:*"]],
    ["ben", ["*:*"]],
    ["operator", ["change:read", "change:start", "change:approve"]],
  ] as const) {
    const made = await here.call("POST", "/tokens", { body: { as, may } });
    secrets.set(as, String(made.body.secret));
  }
});
afterAll(async () => await here.close());

const as = (name: string) => ({ token: secrets.get(name)! });
const put = async (path: string, body: object) => await here.call("PUT", path, { body });
const FREEZE = {
  kind: "freeze",
  scope: { workspaces: ["prod"] },
  timeZone: "Asia/Shanghai",
  start: "2026-01-01T00:00",
  end: "2026-01-02T00:00",
  recurrence: "FREQ=DAILY",
};

const EMPTY_PLAN = {
  ...{ title: "t", applications: [], opening: [], closing: [], groups: [], targets: [], locks: [], basis: [] },
  ...{ differences: [], missing: [], warnings: [], irreversible: null, fromRevisionId: null, toRevisionId: null },
  ...{ configurationDigest: null, expectedMs: null, payload: null },
};

/** A planned change of a kind whose spec only that kind itself finds wrong. */
async function plannedOf(kind: string, rollbackOf: string | null = null): Promise<string> {
  const { db, defaultTenant } = here.replicas[0]!.ground;
  const id = newId(ChangeId, "chg");
  const plan = JSON.stringify({ kind, ...EMPTY_PLAN });
  await sql`insert into change (id, tenant_id, workspace_id, kind, title, spec, plan, plan_digest, state, created_by, rollback_of)
    select ${id}, ${defaultTenant}, id, ${kind}, 't', '{"nonsense": true}', ${plan}, ${`sha256:${"0".repeat(64)}`}, 'planned',
      'admin', ${rollbackOf} from workspace where name = 'prod'`.execute(db);
  return id;
}

describe("one recurring freeze on a workspace", () => {
  const started = async (id: string, body: object) =>
    (await here.call("POST", `/changes/${id}/start`, { body })).body.code;
  beforeAll(async () => {
    expect(await put("/windows/night", FREEZE)).toMatchObject({ status: 200, body: { inside: true, turnsAt: null } });
  });
  afterAll(async () => {
    await here.call("DELETE", "/windows/night");
  });

  test("knows every kind of change", () => {
    expect([...KIND_NAMES]).toEqual(expect.arrayContaining(["release-order", "host-operation", "operation-order"]));
  });

  // What passes the rules comes to the kind itself, which finds its spec wrong.
  test.each([...KIND_NAMES])("refuses the start of a %s; an emergency and a way back pass it", async (kind) => {
    const id = await plannedOf(kind);
    expect(await started(id, {})).toBe("CHANGE_FROZEN");
    expect(await started(id, { at: "2030-01-01T12:00:00Z" })).toBe("CHANGE_FROZEN");
    expect(await started(id, { emergency: true, reason: "fire" })).toMatch(/^INPUT_/);
    expect(await started(await plannedOf(kind, id), {})).toMatch(/^INPUT_/);
  });
});

describe("rules that cannot be", () => {
  const scope = (more: object) => ({ ...FREEZE, scope: more });
  test.each([
    ["a zone that nobody knows", { ...FREEZE, timeZone: "Mars/Olympus" }, "400 INPUT_INVALID"],
    ["an end before its start", { ...FREEZE, end: "2025-12-31T00:00" }, "400 INPUT_INVALID"],
    ["a length of more than a year", { ...FREEZE, end: "2027-06-01T00:00" }, "400 INPUT_INVALID"],
    ["the 30th of February", { ...FREEZE, start: "2026-02-30T00:00" }, "400 INPUT_INVALID"],
    ["a recurrence every second", { ...FREEZE, recurrence: "FREQ=SECONDLY" }, "400 INPUT_INVALID"],
    [
      "a recurrence with a second rule smuggled in",
      { ...FREEZE, recurrence: "FREQ=DAILY\nRDATE:20260101" },
      "400 INPUT_INVALID",
    ],
    ["a start that is none of its times", { ...FREEZE, recurrence: "FREQ=WEEKLY;BYDAY=FR" }, "400 INPUT_INVALID"],
    ["a workspace that is not there", scope({ workspaces: ["nowhere"] }), "404 NOT_FOUND"],
    ["an application that is not there", scope({ applications: ["nothing"] }), "404 NOT_FOUND"],
    ["a kind that is not there", scope({ kinds: ["magic"] }), "400 KIND_UNKNOWN"],
    ["a field that nobody knows", { ...FREEZE, cron: "* * * * *" }, "400 INPUT_UNKNOWN_FIELD"],
  ])("%s is refused, and nothing is stored", async (_, body, expected) => {
    const answer = await put("/windows/wrong", body);
    expect(`${answer.status} ${answer.body.code}`).toBe(expected);
    expect(await here.call("GET", "/windows/wrong")).toMatchObject({ status: 404 });
  });

  test("an approval rule that nobody could satisfy, a group of strangers, a group that a rule still names", async () => {
    expect(await put("/approval-rules/none", {})).toMatchObject({ status: 400, body: { code: "INPUT_INVALID" } });
    expect(await put("/approval-rules/none", { groups: ["ghosts"] })).toMatchObject({ status: 404 });
    expect(await put("/approval-rules/none", { principals: ["ghost"] })).toMatchObject({ status: 404 });
    expect(await put("/principal-groups/ops", { members: ["ghost"] })).toMatchObject({ status: 404 });
    expect(await put("/principal-groups/ops", { members: ["ann", "ben"] })).toMatchObject({ status: 200 });
    expect(await put("/approval-rules/one", { groups: ["ops"] })).toMatchObject({ status: 200 });
    expect(await here.call("DELETE", "/principal-groups/ops")).toMatchObject({
      status: 409,
      body: { code: "RESOURCE_IN_USE", facts: { users: ["approval rule one"] } },
    });
    expect(await here.call("DELETE", "/approval-rules/one")).toMatchObject({ status: 204 });
    expect(await here.call("DELETE", "/principal-groups/ops")).toMatchObject({ status: 204 });
    expect(
      await put("/admission-rules/none", { criterion: { kind: "succeeded-in", workspace: "nowhere" } }),
    ).toMatchObject({
      status: 404,
    });
  });
});

describe("who may, and who did", () => {
  const endpoints = Object.entries(api) as [string, Endpoint][];
  const guarded = endpoints.filter(([, { needs }]) => needs.includes(":"));

  test("there is no endpoint that asks for nothing but these", () => {
    const open = endpoints.filter(([, { needs }]) => !needs.includes(":")).map(([name]) => name);
    // A login link and a session are for whoever asks, with no more than he may.
    const ofOneself = ["createLoginLink", "createSession", "endSession", "whoAmI"];
    expect(open.toSorted()).toEqual(["getHealth", "getObject", "joinGateway", "joinHost", ...ofOneself].toSorted());
  });

  test.each(guarded)(
    "%s is refused without its permission, and the audit says so",
    async (_, { method, path, needs, body }) => {
      const asked = needs === "change-kind:create" ? { kind: "release-order" } : {};
      const url = path.replaceAll(/\{\w+\}/g, "x");
      const answer = await here.call(method, url, { ...as("nobody"), ...(body === undefined ? {} : { body: asked }) });
      const permission = needs === "change-kind:create" ? "release-order:create" : needs;
      expect(answer).toMatchObject({ status: 403, body: { code: "PERMISSION_MISSING", facts: { permission } } });
      const [entry] = (await here.call("GET", "/audit?principal=nobody&limit=1")).body.items as unknown as object[];
      expect(entry).toMatchObject({
        principal: "nobody",
        action: permission,
        outcome: "refused",
        code: "PERMISSION_MISSING",
      });
    },
  );

  test("the audit is asked by change, principal, action, outcome and time", async () => {
    const id = await plannedOf("host-operation");
    await here.call("POST", `/changes/${id}/cancel`, as("ann"));
    await here.call("POST", `/changes/${id}/cancel`, as("ben"));
    const ask = async (query: string) =>
      (
        (await here.call("GET", `/audit?${query}`)).body.items as unknown as {
          principal: string;
          outcome: string;
          at: string;
        }[]
      ).map(({ principal, outcome }) => `${principal} ${outcome}`);
    expect(await ask(`change=${id}`)).toEqual(["ben refused", "ann done"]);
    expect(await ask(`change=${id}&principal=ann`)).toEqual(["ann done"]);
    expect(await ask(`change=${id}&outcome=refused&action=change:cancel`)).toEqual(["ben refused"]);
    expect(await ask(`change=${id}&to=2020-01-01T00:00:00Z`)).toEqual([]);
    expect(await ask(`change=${id}&from=2020-01-01T00:00:00Z&to=2100-01-01T00:00:00Z`)).toHaveLength(2);
  });

  test("an emergency and a take-over ask for permissions of their own", async () => {
    const id = await plannedOf("host-operation");
    const body = { emergency: true, reason: "fire" };
    expect(await here.call("POST", `/changes/${id}/start`, { ...as("operator"), body })).toMatchObject({
      status: 403,
      body: { facts: { permission: "change:emergency" } },
    });
    expect(await here.call("POST", "/locks/take-over", { body: { resource: "nothing", reason: "why" } })).toMatchObject(
      {
        status: 404,
      },
    );
  });
});
