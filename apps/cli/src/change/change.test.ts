import { writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  at,
  brokenTarget,
  sampleBatch,
  sampleChange,
  samplePlan,
  sampleStep,
  sampleTarget,
} from "@evenkeel/client/text/sample-change";
import type { Change } from "@evenkeel/contracts/change";
import { Digest, newId, PackageId, UploadId } from "@evenkeel/contracts/id";
import { afterEach, expect, test } from "vitest";
import { type Asked, type Bed, pictures, problem, type Routes, type Sitting, startBed, value } from "../test-bed.ts";

let bed: Bed;
afterEach(() => bed.close());

const DETAILS = ["spec", "sequence", "locks", "opening", "closing", "groups", "warnings", "leftBehind"];

/** The change as a list tells of it. */
function summary(change: Change): Record<string, unknown> {
  return Object.fromEntries(Object.entries(change).filter(([name]) => !DETAILS.includes(name)));
}

/** An API that knows these changes; `after` is what a verb turns one into. */
function apiOf(
  changes: readonly Change[],
  after: (change: Change, verb: string) => Change = (change) => change,
): Routes {
  const routes: Record<string, (asked: Asked) => ReturnType<typeof value>> = {
    "GET /changes": () => value({ items: changes.map(summary), nextCursor: null }),
  };
  for (const change of changes) {
    routes[`GET /changes/${change.id}`] = () => value(change);
    routes[`GET /changes/${change.id}/tree/events`] = () => pictures(change);
    for (const verb of ["start", "pause", "confirm", "retry", "skip", "rollback", "close"]) {
      routes[`POST /changes/${change.id}/${verb}`] = () => value(after(change, verb));
    }
  }
  return routes;
}

const waiting = (more: Partial<Change> = {}) =>
  sampleChange(
    "awaiting-confirmation",
    [
      sampleBatch("beta", "succeeded", [sampleTarget("local-1", "succeeded")]),
      { ...sampleBatch("zone a", "awaiting-confirmation", [sampleTarget("local-2", "pending")]), gate: "start" },
    ],
    { allowedActions: ["confirm", "pause", "cancel", "rollback"], ...more },
  );
const bodies = () =>
  bed.asked
    .filter(({ method, path }) => method === "POST" && !path.endsWith("/rollback/plan"))
    .map(({ path, body }) => [path, body]);

test("below a change stand exactly the actions that the API allows, ready to run", async () => {
  const change = waiting();
  bed = await startBed(apiOf([change]));
  const { stdout } = await bed.run(["change", "show", change.id], { EVENKEEL_COMMAND: "bin/evenkeel" });
  const id = change.id.slice(-8);
  expect(stdout.match(/^ {2}bin\/evenkeel .*?(?= {3})/gm)).toEqual([
    `  bin/evenkeel change confirm ${id}`,
    `  bin/evenkeel change pause ${id}`,
    `  bin/evenkeel change cancel ${id}`,
    `  bin/evenkeel change rollback ${id} --speed fast --reason "why"`,
  ]);
});

test("a change is named by its end, its beginning or latest, and never by what fits two", async () => {
  const [one, other] = [waiting(), waiting()];
  bed = await startBed(apiOf([one, other]));
  const shown = async (name: string) => {
    const { stdout } = await bed.run(["change", "show", name, "--json"]);
    const said = JSON.parse(stdout) as { id?: string; error?: { code: string } };
    return said.id ?? said.error?.code;
  };
  expect(await shown(other.id.slice(-6))).toBe(other.id);
  expect(await shown(one.id.slice(0, 20))).toBe(one.id);
  expect(await shown("latest")).toBe(one.id);
  expect(await shown("chg_")).toBe("NAME_AMBIGUOUS");
  expect(await shown("zz")).toBe("NOT_FOUND");
});

test("confirm without a name confirms the batch that waits, with a name that one ahead of time", async () => {
  const change = waiting();
  bed = await startBed(apiOf([change]));
  await bed.run(["change", "confirm", change.id]);
  await bed.run(["change", "confirm", change.id, "beta"]);
  expect(bodies()).toEqual([
    [`/changes/${change.id}/confirm`, { batchIds: ["hello/zone a"] }],
    [`/changes/${change.id}/confirm`, { batchIds: ["hello/beta"] }],
  ]);
  expect((await bed.run(["change", "confirm", change.id, "zone x"])).stderr).toContain("BATCH_UNKNOWN");
});

test("confirm where nothing waits says what is possible instead", async () => {
  const change = sampleChange("failed", [], { allowedActions: ["retry", "close"] });
  bed = await startBed(apiOf([change]));
  const { code, stderr } = await bed.run(["change", "confirm", change.id]);
  expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringContaining("Possible now: retry, close.") });
  expect(bodies()).toEqual([]);
});

test("verbs carry what was said and nothing else", async () => {
  const change = waiting();
  bed = await startBed(apiOf([change]));
  await bed.run(["change", "start", change.id, "--wait"]);
  await bed.run(["change", "retry", change.id]);
  await bed.run(["change", "skip", change.id, "local-2", "--traffic", "re-attach"]);
  await bed.run(["change", "rollback", change.id, "--speed", "follow", "--reason", "bad", "--batches", "25%"]);
  expect(bodies().map(([, body]) => body)).toEqual([
    { wait: true },
    {},
    { targetIds: ["local-2"], traffic: "re-attach" },
    { speed: "follow", reason: "bad", strategy: expect.objectContaining({ batches: { percent: 25 } }) },
  ]);
});

test("a value that a verb does not take is refused before the API is asked for it", async () => {
  const change = waiting();
  bed = await startBed(apiOf([change]));
  const { code, stderr } = await bed.run(["change", "rollback", change.id, "--speed", "slow", "--reason", "x"]);
  expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringContaining("INPUT_INVALID") });
  expect(bodies()).toEqual([]);
});

test("replan with a file that is missing, no file or not JSON names the file and what is wrong with it", async () => {
  const change = waiting();
  bed = await startBed(apiOf([change]));
  writeFileSync(join(bed.folder, "groups.json"), "groups:\n- groupId: hello\n");
  const told = async (file: string) => (await bed.run(["change", "replan", change.id, "--groups", file])).stderr;
  expect(await told("/nope")).toMatch(/\/nope: no such file.*INPUT_INVALID/s);
  expect(await told(bed.folder)).toMatch(/: is a folder.*INPUT_INVALID/s);
  expect(await told("groups.json")).toMatch(/groups\.json: not JSON \([^\n]+\)\..*INPUT_INVALID/s);
  expect(bodies()).toEqual([]);
});

test("batches are arranged by hand in words, and the new plan is shown", async () => {
  const change = {
    ...waiting(),
    state: "planned" as const,
    allowedActions: ["start", "replan"] as Change["allowedActions"],
  };
  bed = await startBed({
    ...apiOf([change]),
    [`POST /changes/${change.id}/replan`]: () => value(change),
    [`GET /changes/${change.id}/plan`]: () => value({ plan: samplePlan({}), digest: change.planDigest }),
  });
  const { stdout } = await bed.run(["change", "replan", change.id, "--merge", "beta,zone a"]);
  expect(stdout).toContain("2 hosts in 2 batches");
  expect(stdout).toContain(`evenkeel change start ${change.id.slice(-8)}`);
  expect(bodies().map(([, body]) => body)).toEqual([
    { groups: [{ groupId: "hello", batches: [{ name: "beta", targetIds: ["local-1", "local-2"] }] }] },
  ]);
});

test("an action that is not allowed now is told with its code", async () => {
  const change = waiting();
  const facts = { action: "pause", resource: "the change", state: "failed", allowed: ["retry", "close"] };
  bed = await startBed({
    ...apiOf([change]),
    [`POST /changes/${change.id}/pause`]: () => problem("ACTION_NOT_ALLOWED", facts),
  });
  expect((await bed.run(["change", "pause", change.id])).stderr).toBe(
    "✖ pause is not possible while the change is failed.\n  Possible now: retry, close.  ACTION_NOT_ALLOWED\n",
  );
});

test("watching ends with 0 for a change that succeeded and with 1 for any other", async () => {
  const good = sampleChange("succeeded", [sampleBatch("beta", "succeeded", [sampleTarget("local-1", "succeeded")])]);
  const bad = sampleChange("failed", [sampleBatch("beta", "failed", [brokenTarget("local-1")])], {
    allowedActions: ["retry"],
  });
  bed = await startBed(apiOf([good, bad]));
  expect((await bed.run(["change", "watch", good.id])).code).toBe(0);
  const { code, stdout } = await bed.run(["change", "watch", bad.id]);
  expect(code).toBe(1);
  expect(stdout).toContain("Not healthy within 8 s: GET /healthz answered 500. HEALTH_TIMEOUT");
  expect(stdout).toContain(`evenkeel change retry ${bad.id.slice(-8)}`);
});

test("the rollback of a change that had succeeded begins when it is to be watched", async () => {
  const born = sampleChange("planned", [], { title: "hello: back to 1.0.0" });
  const ended = { ...born, state: "succeeded" as const };
  const change = sampleChange("succeeded", [], { allowedActions: ["rollback"] });
  const routes = apiOf([change], () => born);
  bed = await startBed({
    ...routes,
    [`POST /changes/${born.id}/start`]: () => value({ ...born, state: "running" }),
    [`GET /changes/${born.id}`]: () => value(ended),
    [`GET /changes/${born.id}/tree/events`]: () => pictures(ended),
  });
  const line = ["change", "rollback", change.id, "--reason", "bad", "--watch"];
  expect((await bed.run(line)).code).toBe(0);
  expect(bodies().map(([path]) => path)).toEqual([`/changes/${change.id}/rollback`, `/changes/${born.id}/start`]);
});

test("before a rollback begins, both ways back say how long they take", async () => {
  const change = sampleChange("failed", [], { allowedActions: ["rollback"] });
  const expectedMs = { follow: 24_000, fast: null };
  bed = await startBed({
    ...apiOf([change]),
    [`POST /changes/${change.id}/rollback/plan`]: ({ body }) => {
      const { speed } = body as { speed: "follow" | "fast" };
      return value({ plan: samplePlan({ expectedMs: expectedMs[speed] }), digest: change.planDigest });
    },
  });
  const { stdout } = await bed.run(["change", "rollback", change.id, "--speed", "fast", "--reason", "bad"]);
  expect(stdout).toContain("  follow  2 batches, takes about 24 s");
  expect(stdout).toContain("● fast    2 batches, takes unknown: there is no history of these steps yet");
});

const PRINTED = /^ {2}evenkeel change .*?(?= {3}|$)/gm;

/** Rolls a change back and watches it; the rollback is in the next of these states once what the last one allows was printed. */
async function watchRollback(
  verb: "rollback" | "watch",
  states: readonly Partial<Change>[],
  terminal?: Sitting["terminal"],
) {
  const rollback = sampleChange("running", [], { title: "hello: back to 1.0.0" });
  const change = sampleChange("rolling-back", [], { rollbackChangeId: rollback.id });
  const left = states.map((state) => ({ ...rollback, ...state }));
  const now = () => left[0] as Change;
  const changeNow = () => (now().state === "succeeded" ? { ...change, state: "rolled-back" as const } : change);
  bed = await startBed({
    ...apiOf([change]),
    [`GET /changes/${change.id}`]: () => value(changeNow()),
    [`GET /changes/${rollback.id}`]: () => value(now()),
    [`GET /changes/${rollback.id}/tree/events`]: () => pictures(now()),
    [`GET /changes/${change.id}/tree/events`]: () => pictures(changeNow()),
  });
  const reason = verb === "rollback" ? ["--reason", "bad", "--watch"] : [];
  const heard = (stdout: string) => {
    const last = now().allowedActions.at(-1);
    if (left.length > 1 && stdout.includes(`change ${last} ${rollback.id.slice(-8)}`)) left.shift();
  };
  const sitting = { heard, ...(terminal !== undefined && { terminal }) };
  const ended = await bed.run(["change", verb, change.id, ...reason], {}, sitting);
  return { ...ended, id: rollback.id.slice(-8) };
}

test.each(["rollback", "watch"] as const)(
  "change %s shows what the rollback waits for, under its own id",
  async (verb) => {
    const { code, stdout, id } = await watchRollback(verb, [
      { state: "awaiting-confirmation", allowedActions: ["confirm", "cancel"] },
      { state: "paused", allowedActions: ["resume"] },
      { state: "succeeded" },
    ]);
    expect(stdout.match(PRINTED)).toEqual([
      `  evenkeel change confirm ${id}`,
      `  evenkeel change cancel ${id}`,
      `  evenkeel change resume ${id}`,
    ]);
    // A change that was brought back is what `rollback` was to reach; for `watch` it has not succeeded.
    expect(code).toBe(verb === "rollback" ? 0 : 1);
  },
);

test("watching a change ends when its rollback fails, with what may be done with the rollback", async () => {
  const { code, stdout, id } = await watchRollback("watch", [{ state: "failed", allowedActions: ["retry", "close"] }]);
  expect(stdout.match(PRINTED)).toEqual([
    `  evenkeel change retry ${id}`,
    `  evenkeel change close ${id} --reason "why"`,
    `  evenkeel change watch ${id}`,
  ]);
  expect(code).toBe(1);
});

test("on a terminal too stands what the rollback waits for, and stays when it has failed", async () => {
  const states: Partial<Change>[] = [
    { state: "awaiting-confirmation", allowedActions: ["confirm"] },
    { state: "failed", allowedActions: ["retry"] },
  ];
  const { code, stdout, id } = await watchRollback("watch", states, { isTTY: true, columns: 120, rows: 50 });
  const picture = stdout.lastIndexOf("back to 1.0.0");
  expect(stdout.slice(0, picture)).toContain(`evenkeel change confirm ${id}`);
  expect(stdout.slice(picture)).toContain(`evenkeel change retry ${id}`);
  expect(stdout.slice(picture)).not.toContain("Ctrl-C");
  expect(code).toBe(1);
});

/** An API in which the application is new and the upload is done with one piece. */
function deployApi(ended: Change): Routes {
  const digest = Digest.parse(`sha256:${"1".repeat(64)}`);
  const about = { id: newId(PackageId, "pkg"), application: "shop", version: "1.4.2", digest, sizeBytes: 1 };
  const pkg = { ...about, unpackedBytes: 1, entries: 1, uploadedBy: "ann", uploadedAt: at(0) };
  const upload = { id: newId(UploadId, "upl"), offset: 0, sizeBytes: 1000 };
  const application = {
    ...{ id: "app_0123456789abcdefghij", name: "shop", owner: "ann", group: "", level: 3, tags: [], metadata: {} },
    ...{ version: 1, createdAt: at(0) },
  };
  return {
    ...apiOf([ended]),
    "GET /applications/shop": () => problem("NOT_FOUND", { resource: "application shop" }),
    "POST /applications": () => value(application),
    "POST /uploads": () => value({ ...upload, package: null }),
    [`PATCH /uploads/${upload.id}`]: () => value({ ...upload, offset: 1000, package: pkg }),
    "POST /changes/plan": () => value({ plan: samplePlan(), digest }),
    "POST /changes": () => value({ ...ended, state: "planned" }),
  };
}

function application(): void {
  writeFileSync(join(bed.folder, "evenkeel.yaml"), "application: shop\nversion: 1.4.2\nstart: node server.js\n");
  writeFileSync(join(bed.folder, "server.js"), "console.log('shop')");
  writeFileSync(join(bed.folder, ".evenkeelignore"), "home\nconfig\n");
}

test("deploy makes the application, uploads, shows the plan, releases, and ends with 0", async () => {
  const done = { steps: [sampleStep("start", "succeeded")] };
  const ended = sampleChange("succeeded", [
    sampleBatch("beta", "succeeded", [sampleTarget("local-1", "succeeded", done)]),
  ]);
  bed = await startBed(deployApi(ended));
  application();
  const { code, stdout } = await bed.run(["deploy", "--beta", "2", "--batches", "size:3", "--reason", "sale"]);
  expect(code).toBe(0);
  const said = [
    "packed",
    "made the application shop",
    "uploaded shop 1.4.2",
    "hosts in 2 batches",
    "local-1: start",
    "succeeded in",
  ];
  expect(said.map((text) => stdout.indexOf(text))).toEqual(
    [...said.map((text) => stdout.indexOf(text))].sort((a, b) => a - b),
  );
  expect(said.filter((text) => !stdout.includes(text))).toEqual([]);
  const created = bed.asked.find(({ method, path }) => method === "POST" && path === "/changes")?.body;
  expect(created).toMatchObject({
    kind: "release-order",
    reason: "sale",
    spec: { application: "shop", package: { version: "1.4.2" }, strategy: { beta: 2, batches: { size: 3 } } },
  });
});

test("deploy of a release that fails names the cause and what may be done, and ends with 1", async () => {
  const failed = sampleChange("failed", [sampleBatch("beta", "failed", [brokenTarget("local-1")])], {
    allowedActions: ["retry", "rollback"],
  });
  bed = await startBed(deployApi(failed));
  application();
  const { code, stdout } = await bed.run(["deploy"]);
  expect(code).toBe(1);
  expect(stdout).toContain("HEALTH_TIMEOUT");
  expect(stdout).toContain("│ cannot open the price list");
  expect(stdout).toContain(`change retry ${failed.id.slice(-8)}`);
});

test("deploy --json prints the change and nothing else", async () => {
  const ended = sampleChange("succeeded", []);
  bed = await startBed(deployApi(ended));
  application();
  const { stdout } = await bed.run(["deploy", "--json"]);
  expect(JSON.parse(stdout)).toMatchObject({ id: ended.id, state: "succeeded" });
});

test("plan stores nothing", async () => {
  bed = await startBed(deployApi(sampleChange("succeeded", [])));
  application();
  expect((await bed.run(["plan"])).stdout).toContain("2 hosts in 2 batches");
  expect(bodies().map(([path]) => path)).toEqual(["/changes/plan"]);
});

test("a manifest that is wrong stops deploy before anything is sent", async () => {
  bed = await startBed({});
  application();
  writeFileSync(join(bed.folder, "evenkeel.yaml"), "application: shop\nstrategy:\n  bakeSecond: 5\n");
  const { code, stderr } = await bed.run(["deploy"]);
  expect(code).toBe(1);
  expect(stderr).toContain("line 3, strategy.bakeSecond: there is no such field");
  expect(bed.asked).toEqual([]);
});
