import type { SetApprovalRule } from "@evenkeel/contracts/approval";
import { PlatformError } from "@evenkeel/contracts/error";
import type { Name } from "@evenkeel/contracts/id";
import type { SetWindow } from "@evenkeel/contracts/window";
import { inTransaction } from "@evenkeel/kit/sql";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { admissionRules } from "../admission/index.ts";
import { approvalRules } from "../approval/index.ts";
import { ensurePrincipal } from "../principal/index.ts";
import { setGroup } from "../principal-group/index.ts";
import { readReviews, signReview } from "../review/index.ts";
import { migratedDatabase, serverKinds } from "../testing.ts";
import { windows } from "../window/index.ts";
import { Drill, type DrillHost, drillBasis, FAILED, type Kernel, SUCCEEDED } from "./testing.ts";
import { approve, reject } from "./verbs/approval.ts";
import { replan } from "./verbs/plan.ts";
import { rollback } from "./verbs/rollback.ts";
import { start } from "./verbs/start.ts";
import { cancel } from "./verbs/steer.ts";

type ChangeIdOf = Awaited<ReturnType<Drill["create"]>>;

describe.each(await serverKinds())("rules about changes on %s", (kind) => {
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

  const deps = () => kernel.deps;
  const by = (name: string, changeId: ChangeIdOf, may = true) => ({ ...drill.ask(changeId), by: name, may: () => may });
  const refusal = async (promise: Promise<unknown>): Promise<string> =>
    await promise.then(
      () => "done",
      (error: unknown) => (error instanceof PlatformError ? error.code : String(error)),
    );
  const create = async (lock = "drill") => await drill.create(kernel, [host], { lock });

  /** A freeze that began long ago and lasts for years, or a change window that is over. */
  const LONG: SetWindow = {
    kind: "freeze",
    scope: {},
    timeZone: "UTC",
    start: "2026-01-01T00:00",
    end: "2026-01-02T00:00",
    recurrence: "FREQ=DAILY",
    reason: "year end",
  };
  const setWindow = async (name: string, more: Partial<SetWindow> = {}) =>
    await windows.set(drill.database.db, drill.seeded.tenantId, {
      name: name as Name,
      definition: { ...LONG, ...more },
    });
  const removeWindow = async (name: string) =>
    await windows.remove(drill.database.db, drill.seeded.tenantId, name as Name);

  describe("windows", () => {
    test("inside a freeze a start is refused by its name, and nothing of it is stored", async () => {
      await setWindow("year-end");
      const id = await create();
      const before = await drill.show(id);
      const error = await start(deps(), drill.ask(id), {}).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({
        code: "CHANGE_FROZEN",
        facts: { window: "year-end", kind: "freeze", reason: "year end" },
      });
      expect(await drill.show(id)).toEqual(before);
    });

    test("a start for later that falls into a freeze is told at once; one that does not is scheduled", async () => {
      await setWindow("christmas", { start: "2030-12-24T00:00", end: "2030-12-27T00:00", recurrence: null });
      const id = await create();
      expect(await refusal(start(deps(), drill.ask(id), { at: "2030-12-25T10:00:00Z" }))).toBe("CHANGE_FROZEN");
      await start(deps(), drill.ask(id), { at: "2030-12-28T10:00:00Z" });
      expect((await drill.show(id)).state).toBe("scheduled");
    });

    test("who waits is started when the window opens, and says until then what he waits for", async () => {
      await setWindow("freeze");
      const id = await create();
      await start(deps(), drill.ask(id), { wait: true });
      const waiting = await drill.show(id);
      expect(waiting.state).toBe("scheduled");
      expect(waiting.waitingFor).toContain("freeze window freeze");
      expect(waiting.locks).toEqual([]);
      await removeWindow("freeze");
      await drill.waitFor(id, "succeeded");
      expect(host.effects.get("do")).toBe(1);
    });

    test("outside every change window a start is refused with when the next one opens", async () => {
      await setWindow("gone", { kind: "change", start: "2025-01-01T00:00", end: "2025-01-02T00:00", recurrence: null });
      const id = await create();
      const error = await start(deps(), drill.ask(id), {}).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({
        code: "CHANGE_WINDOW_CLOSED",
        facts: { window: ["gone"], opensAt: "further notice" },
      });
      await setWindow("always", { kind: "change" });
      await start(deps(), drill.ask(id), {});
      await drill.waitFor(id, "succeeded");
    });

    test("a freeze of another workspace, application or kind is none", async () => {
      await setWindow("w", { scope: { workspaces: ["elsewhere" as Name] } });
      await setWindow("a", { scope: { applications: ["shop" as Name] } });
      await setWindow("k", { scope: { kinds: ["another"] } });
      const id = await create();
      await start(deps(), drill.ask(id), {});
      await drill.waitFor(id, "succeeded");
    });

    test("the way back is never barred: of what succeeded, and of what is under way", async () => {
      drill.behave = (step) => (step === "do" ? FAILED : SUCCEEDED);
      const stuck = await drill.run(kernel, [host], { lock: "another" });
      await drill.waitFor(stuck, "failed");
      drill.behave = () => SUCCEEDED;
      const done = await drill.run(kernel, [host]);
      await drill.waitFor(done, "succeeded");
      await setWindow("freeze");
      await approvalRules.set(drill.database.db, drill.seeded.tenantId, {
        name: "two" as Name,
        definition: rule({ count: 2 }),
      });
      const back = await rollback(deps(), drill.ask(done), { speed: "fast", reason: "wrong" });
      await start(deps(), drill.ask(back), {});
      await drill.waitFor(back, "succeeded");
      expect(host.effects.get("undo")).toBe(1);
      await rollback(deps(), drill.ask(stuck), { speed: "fast", reason: "wrong" });
      await drill.waitFor(stuck, "rolled-back");
      expect(host.effects.get("undo")).toBe(2);
    });

    test("an emergency passes with permission and a reason, is recorded and waits for the review of another", async () => {
      await setWindow("freeze");
      const id = await create();
      expect(await refusal(start(deps(), by("ann", id, false), { emergency: true, reason: "fire" }))).toBe(
        "PERMISSION_MISSING",
      );
      expect(await refusal(start(deps(), by("ann", id), { emergency: true }))).toBe("INPUT_INVALID");
      const { tenantId } = drill.seeded;
      const open = async () => await readReviews(drill.database.db, { tenantId, state: "open", after: null, rows: 10 });
      expect(await open()).toEqual([]);
      await start(deps(), by("ann", id), { emergency: true, reason: "fire" });
      await drill.waitFor(id, "succeeded");
      const [review] = await open();
      expect(review).toMatchObject({ changeId: id, startedBy: "ann", reason: "fire", waived: ["window freeze"] });
      const sign = async (name: string) =>
        await refusal(signReview(drill.database.db, { tenantId, reviewId: review!.id, by: name, note: "right so" }));
      expect([await sign("ann"), await sign("ben"), await sign("cleo")]).toEqual(["REVIEW_OWN", "done", "REVIEW_DONE"]);
      expect(await open()).toEqual([]);
    });
  });

  const rule = (more: Partial<SetApprovalRule> = {}): SetApprovalRule => ({
    scope: {},
    groups: [],
    principals: ["ann", "ben", "tester"],
    count: 1,
    creatorMayApprove: false,
    ...more,
  });
  const setRule = async (name: string, more: Partial<SetApprovalRule> = {}) =>
    await approvalRules.set(drill.database.db, drill.seeded.tenantId, { name: name as Name, definition: rule(more) });
  const awaiting = async (): Promise<ChangeIdOf> => {
    const id = await create();
    await start(deps(), drill.ask(id), {});
    expect((await drill.show(id)).state).toBe("awaiting-approval");
    return id;
  };

  describe("approvals", () => {
    test("the change begins with the last approval that its rules ask for; nothing is held until then", async () => {
      await setRule("two", { count: 2 });
      const id = await awaiting();
      expect((await drill.show(id)).locks).toEqual([]);
      await approve(deps(), by("ann", id), {});
      await approve(deps(), by("ann", id), {});
      expect(await drill.show(id)).toMatchObject({ state: "awaiting-approval", waitingFor: "approval: 1 more by two" });
      await approve(deps(), by("ben", id), {});
      await drill.waitFor(id, "succeeded");
      expect(host.effects.get("do")).toBe(1);
    });

    test("members of a group may, others and whoever made the change may not", async () => {
      const { db } = drill.database;
      const { tenantId } = drill.seeded;
      for (const name of ["ann", "tester"]) await ensurePrincipal(db, { tenantId, name, kind: "person" });
      await setGroup(db, tenantId, { name: "operators" as Name, members: ["ann", "tester"] });
      await setRule("ops", { principals: [], groups: ["operators" as Name] });
      const id = await awaiting();
      expect(await refusal(approve(deps(), by("cleo", id), {}))).toBe("APPROVAL_NOT_YOURS");
      expect(await refusal(approve(deps(), by("tester", id), {}))).toBe("APPROVAL_NOT_YOURS");
      await approve(deps(), by("ann", id), {});
      await drill.waitFor(id, "succeeded");
    });

    test("where the rule says so the creator counts too", async () => {
      await setRule("one", { creatorMayApprove: true });
      const id = await awaiting();
      await approve(deps(), by("tester", id), {});
      await drill.waitFor(id, "succeeded");
    });

    test("a rejection sends it back with the reason, and its approvals are void", async () => {
      await setRule("two", { count: 2 });
      const id = await awaiting();
      await approve(deps(), by("ann", id), {});
      await reject(deps(), by("ben", id), { reason: "not on a Friday" });
      const planned = await drill.show(id);
      expect(planned).toMatchObject({
        state: "planned",
        problem: { code: "CHANGE_REJECTED", facts: { by: "ben", reason: "not on a Friday" } },
      });
      await start(deps(), drill.ask(id), {});
      await approve(deps(), by("ben", id), {});
      expect(await drill.show(id)).toMatchObject({ state: "awaiting-approval", waitingFor: "approval: 1 more by two" });
    });

    test("a new plan needs new approvals, and whoever made it cannot give one", async () => {
      await setRule("one");
      const id = await awaiting();
      const { planDigest } = await drill.show(id);
      drillBasis.version = "2";
      await replan(deps(), by("ann", id), {});
      await start(deps(), drill.ask(id), {});
      expect(await refusal(approve(deps(), by("ben", id), { planDigest }))).toBe("PLAN_CHANGED");
      expect(await refusal(approve(deps(), by("ann", id), {}))).toBe("APPROVAL_NOT_YOURS");
      await approve(deps(), by("ben", id), { planDigest: (await drill.show(id)).planDigest });
      await drill.waitFor(id, "succeeded");
    });

    test("what was approved is what runs: when the world moved meanwhile, it is planned anew and says why", async () => {
      await setRule("one");
      const id = await awaiting();
      drillBasis.version = "2";
      await approve(deps(), by("ann", id), {});
      expect(await drill.show(id)).toMatchObject({
        state: "planned",
        problem: { code: "PLAN_BASIS_MOVED" },
        locks: [],
      });
    });

    test("an approved change waits for its time, its window and its lock", async () => {
      await setRule("one", { principals: ["ann"] });
      const id = await create();
      await start(deps(), drill.ask(id), { at: "2030-01-01T00:00:00Z" });
      await approve(deps(), by("ann", id), {});
      expect(await drill.show(id)).toMatchObject({
        state: "scheduled",
        waitingFor: "its time, 2030-01-01T00:00:00.000Z",
      });
      await cancel(deps(), drill.ask(id));
      const second = await awaiting();
      await setWindow("freeze");
      await approve(deps(), by("ann", second), {});
      expect(await drill.show(second)).toMatchObject({ state: "scheduled" });
      await removeWindow("freeze");
      await drill.waitFor(second, "succeeded");
    });

    test("a rule that comes after the approval sends a waiting change back", async () => {
      await setRule("one");
      const id = await awaiting();
      await setWindow("freeze");
      await approve(deps(), by("ann", id), {});
      await setRule("board", { principals: ["dora"] });
      const back = await drill.waitFor(id, "planned");
      expect(back.problem).toMatchObject({ code: "APPROVAL_MISSING", facts: { rules: ["board"] } });
    });

    test("a change whose rules were taken away goes on with anybody's word", async () => {
      await setRule("one");
      const id = await awaiting();
      await approvalRules.remove(drill.database.db, drill.seeded.tenantId, "one" as Name);
      await approve(deps(), by("cleo", id), {});
      await drill.waitFor(id, "succeeded");
    });

    test("one that nobody approves in time expires", async () => {
      await setRule("one");
      const id = await create();
      await start(deps(), drill.ask(id), { expiresAt: new Date(Date.now() + 500).toISOString() });
      await drill.waitFor(id, "expired");
    });

    test.each(["before-decide", "before-commit", "after-commit"] as const)(
      "a control plane killed %s while an approved change begins: another begins it, once",
      async (point) => {
        await setRule("one");
        const id = await awaiting();
        await setWindow("freeze");
        await approve(deps(), by("ann", id), {});
        await kernel.close();
        const dies = Promise.withResolvers<void>();
        const victim: { kernel: Kernel | null } = { kernel: null };
        await removeWindow("freeze");
        victim.kernel = await drill.kernel((reached) => {
          if (reached !== point) return;
          dies.resolve();
          void victim.kernel?.kill();
          throw new Error("killed here");
        });
        await dies.promise;
        await victim.kernel.kill();
        kernel = await drill.kernel();
        await host.connect(kernel);
        await drill.waitFor(id, "succeeded");
        expect([host.effects.get("do"), await drill.counted()]).toEqual([1, 2]);
      },
    );

    test("a word that could not be stored with all that follows from it was not given", async () => {
      await setRule("one");
      const id = await awaiting();
      const cut = inTransaction(deps().db, async (tx) => {
        await approve(deps(), { ...by("ann", id), tx }, {});
        throw new Error("killed here");
      });
      await expect(cut).rejects.toThrow("killed here");
      expect(await drill.show(id)).toMatchObject({ state: "awaiting-approval", waitingFor: "approval: 1 more by one" });
      await approve(deps(), by("ann", id), {});
      await drill.waitFor(id, "succeeded");
      expect(host.effects.get("do")).toBe(1);
    });

    test("an emergency passes approvals, too", async () => {
      await setRule("one");
      const id = await create();
      await start(deps(), by("tester", id), { emergency: true, reason: "fire" });
      await drill.waitFor(id, "succeeded");
    });
  });

  describe("admission", () => {
    const admit = async (name: string, more: object) =>
      await admissionRules.set(drill.database.db, drill.seeded.tenantId, {
        name: name as Name,
        definition: { scope: {}, criterion: { kind: "rollback-target" }, waivedInEmergency: false, ...more },
      });
    const withBits = async () => await drill.create(kernel, [host], { applications: ["shop"] });

    test("bits that have not succeeded elsewhere are refused by the rule's name; with the permission of an emergency, too", async () => {
      await admit("first-in-test", { criterion: { kind: "succeeded-in", workspace: "test" as Name } });
      const id = await withBits();
      const error = await start(deps(), drill.ask(id), { wait: true }).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: "ADMISSION_REFUSED", facts: { rule: "first-in-test" } });
      expect(await refusal(start(deps(), drill.ask(id), { emergency: true, reason: "fire" }))).toBe(
        "ADMISSION_REFUSED",
      );
      await admit("first-in-test", {
        criterion: { kind: "succeeded-in", workspace: "test" as Name },
        waivedInEmergency: true,
      });
      await start(deps(), drill.ask(id), { emergency: true, reason: "fire" });
      await drill.waitFor(id, "succeeded");
    });

    test("the same bits that have succeeded there are let in, until they were rolled back there", async () => {
      const tried = await withBits();
      await start(deps(), drill.ask(tried), {});
      await drill.waitFor(tried, "succeeded");
      const { name } = await workspaceOf(drill);
      await admit("here-first", { criterion: { kind: "succeeded-in", workspace: name } });
      const second = await withBits();
      await start(deps(), drill.ask(second), {});
      await drill.waitFor(second, "succeeded");
      for (const id of [second, tried]) {
        await drill.database.db.updateTable("change").set({ rolled_back_by: id }).where("id", "=", id).execute();
      }
      expect(await refusal(start(deps(), drill.ask(await withBits()), {}))).toBe("ADMISSION_REFUSED");
    });

    test("a first release has nothing to go back to", async () => {
      await admit("way-back", {});
      const id = await withBits();
      const error = await start(deps(), drill.ask(id), {}).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: "ADMISSION_REFUSED", facts: { rule: "way-back" } });
      // A change that brings no bits has nothing to admit.
      const without = await create();
      await start(deps(), drill.ask(without), {});
      await drill.waitFor(without, "succeeded");
    });
  });
});

async function workspaceOf({ database, seeded }: Drill): Promise<{ name: Name }> {
  const query = database.db.selectFrom("workspace").select("name").where("id", "=", seeded.workspaceId);
  return await query.executeTakeFirstOrThrow();
}
