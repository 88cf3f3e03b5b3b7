import type { Outcome } from "@evenkeel/contracts/agent-protocol";
import { PlatformError } from "@evenkeel/contracts/error";
import type { Name } from "@evenkeel/contracts/id";
import { inTransaction } from "@evenkeel/kit/sql";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { approvalRules } from "../approval/index.ts";
import { until } from "../link/testing.ts";
import { migratedDatabase, serverKinds } from "../testing.ts";
import { windows } from "../window/index.ts";
import { readBlockers } from "./blocker.ts";
import { changeHandlers } from "./endpoints.ts";
import { holderOf } from "./store/lock.ts";
import { Drill, type DrillHost, drillBasis, FAILED, type Kernel, SUCCEEDED } from "./testing.ts";
import { rollback } from "./verbs/rollback.ts";
import { start } from "./verbs/start.ts";
import { close, pause } from "./verbs/steer.ts";

describe.each(await serverKinds())("what keeps a change on %s", (kind) => {
  let drill: Drill;
  let kernel: Kernel;
  let host: DrillHost;

  beforeEach(async () => {
    drillBasis.version = "1";
    drill = await Drill.begin(await migratedDatabase(kind), "one");
    kernel = await drill.kernel();
    host = await drill.host("h1");
    await host.connect(kernel);
  });
  afterEach(async () => await drill.close());

  type Id = Awaited<ReturnType<Drill["create"]>>;
  const blockers = async (id: Id, may: readonly string[] = ["*:*"]) =>
    await readBlockers(kernel.deps, { tenantId: drill.seeded.tenantId, may }, id);
  const brief = async (id: Id, may?: readonly string[]) =>
    (await blockers(id, may)).map(({ kind: what, problem, actions }) => [what, problem.code, actions]);
  /** The step of the first host waits for the test. */
  const hold = () => {
    const outcome = Promise.withResolvers<Outcome>();
    const reached = Promise.withResolvers<void>();
    drill.behave = (step) => {
      if (step !== "do") return SUCCEEDED;
      reached.resolve();
      return outcome.promise;
    };
    return { reached: reached.promise, release: () => outcome.resolve(SUCCEEDED) };
  };

  test("before its start: the rules, the lock of another, and what of it the caller may do", async () => {
    const { db } = drill.database;
    const { tenantId } = drill.seeded;
    drill.behave = () => FAILED;
    const holder = await drill.run(kernel, [host]);
    await drill.waitFor(holder, "failed");
    const definition = {
      ...{ kind: "freeze" as const, scope: {}, timeZone: "UTC", start: "2026-01-01T00:00", end: "2026-01-02T00:00" },
      ...{ recurrence: "FREQ=DAILY", reason: "" },
    };
    await windows.set(db, tenantId, { name: "freeze" as Name, definition });
    const rule = { scope: {}, groups: [], principals: ["ann"], count: 1, creatorMayApprove: false };
    await approvalRules.set(db, tenantId, { name: "two" as Name, definition: rule });
    const id = await drill.create(kernel, [host]);
    expect(await brief(id)).toEqual([
      ["window", "CHANGE_FROZEN", [`change start ${id} --wait`, `change start ${id} --emergency --reason WHY`]],
      ["approval", "APPROVAL_MISSING", []],
      ["lock", "LOCK_HELD", ["lock take-over drill --reason WHY"]],
      ["person", "CHANGE_WAITS", []],
    ]);
    expect((await brief(id, ["change:start"])).map(([, , actions]) => actions)).toEqual([
      [`change start ${id} --wait`],
      [],
      [],
      [],
    ]);
    await start(kernel.deps, drill.ask(id), { wait: true });
    expect((await brief(id))[1]).toEqual([
      "approval",
      "APPROVAL_MISSING",
      [`change approve ${id}`, `change reject ${id} --reason WHY`],
    ]);
  });

  test("under way: the host that is away, the step that nobody knows of, the target that failed", async () => {
    const held = hold();
    const id = await drill.run(kernel, [host]);
    await held.reached;
    expect(await blockers(id)).toEqual([]);
    await host.cut();
    await until(async () => (await blockers(id)).some(({ kind: what }) => what === "host"));
    await until(async () => (await blockers(id)).some(({ kind: what }) => what === "step"));
    const step = (await blockers(id)).find(({ kind: what }) => what === "step");
    expect(step?.problem.code).toBe("STEP_UNKNOWN");
    expect(step?.actions[0]).toMatch(new RegExp(`^change declare-lost ${id} stp_[0-9a-z]{20} --reason WHY$`));
    held.release();
  });

  test("a failed target says what may be done to it", async () => {
    drill.behave = (step) => (step === "do" ? FAILED : SUCCEEDED);
    const id = await drill.run(kernel, [host]);
    await drill.waitFor(id, "failed");
    expect((await brief(id))[0]).toEqual([
      "target",
      "SCRIPT_FAILED",
      [`change retry ${id} h1`, `change skip ${id} h1 --traffic leave-detached`],
    ]);
    expect((await brief(id, ["change:read"])).flatMap(([, , actions]) => actions)).toEqual([]);
  });

  test("paused, waiting for a confirmation, rolling back: each says who is waited for", async () => {
    const other = await drill.host("h2");
    await other.connect(kernel);
    const gated = await drill.run(kernel, [host, other], { strategy: { batches: "each", confirm: "each" }, lock: "a" });
    const waiting = await drill.waitFor(gated, "awaiting-confirmation");
    const [, second] = waiting.groups[0]!.batches;
    expect(await brief(gated)).toEqual([
      ["confirmation", "CHANGE_WAITS", [`change confirm ${gated} ${second!.batchId}`]],
    ]);
    await pause(kernel.deps, drill.ask(gated), {});
    expect((await brief(gated)).at(-1)).toEqual(["person", "CHANGE_WAITS", [`change resume ${gated}`]]);
    drill.behave = (step) => (step === "undo" ? FAILED : SUCCEEDED);
    await rollback(kernel.deps, drill.ask(gated), { speed: "fast", reason: "no" });
    const back = await until(async () => (await drill.show(gated)).rollbackChangeId);
    await drill.waitFor(back, "failed");
    expect((await brief(gated))[0]?.[2]).toEqual([`change blockers ${back}`, `change close ${gated} --reason WHY`]);
  });

  test("a lock is taken over with its permission only; what is under way is fenced off and listed, and the next one runs", async () => {
    const held = hold();
    const old = await drill.run(kernel, [host]);
    await held.reached;
    const refused = await close(kernel.deps, { ...drill.ask(old), may: () => false }, { reason: "stuck" }).catch(
      (error: unknown) => (error instanceof PlatformError ? [error.code, error.facts.permission] : error),
    );
    expect(refused).toEqual(["PERMISSION_MISSING", "lock:take-over"]);
    const take = changeHandlers(kernel.deps).takeLockOver;
    const caller = { tenantId: drill.seeded.tenantId, principalName: "ann", may: ["lock:take-over"] };
    const audit: { resource?: string; details?: object } = {};
    const effect = async <T>(fn: (tx: never) => Promise<T>) =>
      await inTransaction(kernel.deps.db, (tx) => fn(tx as never));
    const closed = await take({ caller, body: { resource: "drill", reason: "stuck" }, effect, audit } as never);
    expect(closed).toMatchObject({ id: old, state: "closed", locks: [] });
    expect(closed.leftBehind.join()).toContain("h1");
    expect(audit).toEqual({ resource: `change/${old}`, details: { resource: "drill", reason: "stuck" } });
    const next = await drill.create(kernel, [host]);
    await start(kernel.deps, drill.ask(next), {});
    expect(
      await holderOf(kernel.deps.db, { tenantId: drill.seeded.tenantId, resource: "drill", changeId: undefined }),
    ).toBe(next);
    held.release();
    await drill.waitFor(next, "succeeded");
    // The late outcome of the old holder is recorded and moves nothing.
    const after = await drill.show(old);
    expect(after.state).toBe("closed");
    expect(host.effects.get("do-more")).toBe(1);
  });
});
