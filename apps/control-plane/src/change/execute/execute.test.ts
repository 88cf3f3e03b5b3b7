import { setTimeout as sleep } from "node:timers/promises";
import type { Outcome } from "@evenkeel/contracts/agent-protocol";
import { PlatformError } from "@evenkeel/contracts/error";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { until } from "../../link/testing.ts";
import { migratedDatabase, serverKinds } from "../../testing.ts";
import { EXIT_POINTS } from "../exit-point.ts";
import { Drill, type DrillHost, drillBasis, FAILED, type Kernel, SUCCEEDED } from "../testing.ts";
import { declareLost, retry, skip } from "../verbs/mend.ts";
import { rollback } from "../verbs/rollback.ts";
import { start } from "../verbs/start.ts";
import { cancel, close, confirm, pause, resume } from "../verbs/steer.ts";

describe.each(await serverKinds())("changes carried out on %s", (kind) => {
  let drill: Drill;
  let kernel: Kernel;
  let hosts: DrillHost[];

  beforeEach(async () => {
    drillBasis.version = "1";
    drill = await Drill.begin(await migratedDatabase(kind), "one");
    kernel = await drill.kernel();
    hosts = [];
    for (const name of ["h1", "h2", "h3", "h4"]) {
      const host = await drill.host(name);
      await host.connect(kernel);
      hosts.push(host);
    }
  });
  afterEach(async () => await drill.close());

  const effects = (step: string): number[] => hosts.map((host) => host.effects.get(step) ?? 0);
  const code = async (promise: Promise<unknown>): Promise<string> =>
    await promise.then(
      () => "done",
      (error: unknown) => (error instanceof PlatformError ? error.code : String(error)),
    );
  /** A step that waits for the test on one host. */
  const hold = (host: string, step: string) => {
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    const reached = Promise.withResolvers<void>();
    drill.behave = (name, _command, on) => {
      if (name !== step || on !== host) return SUCCEEDED;
      reached.resolve();
      return promise;
    };
    return { reached: reached.promise, release: (outcome: Outcome = SUCCEEDED) => resolve(outcome) };
  };

  test("a change runs batch by batch to success, each step once, and gives its locks back", async () => {
    const id = await drill.run(kernel, hosts, { strategy: { beta: 1, batches: { size: 2 }, bakeSeconds: 0.1 } });
    const change = await drill.waitFor(id, "succeeded");
    expect(change.groups[0]?.batches.map((batch) => batch.targets.map((target) => target.name))).toEqual([
      ["h1"],
      ["h2"],
      ["h3", "h4"],
    ]);
    expect([effects("stage"), effects("do"), effects("do-more")]).toEqual([
      [1, 1, 1, 1],
      [1, 1, 1, 1],
      [1, 1, 1, 1],
    ]);
    expect(await drill.counted()).toBe(5);
    expect(change.locks).toEqual([]);
    expect(change.allowedActions).toEqual(["rollback"]);
  });

  test("the first failed target stops the change; retry runs exactly the losers, then it succeeds", async () => {
    drill.behave = (step, _command, host) => (step === "do" && host === "h2" ? FAILED : SUCCEEDED);
    const id = await drill.run(kernel, hosts, { strategy: { batches: { size: 2 } } });
    const failed = await drill.waitFor(id, "failed");
    expect(failed.problem?.code).toBe("SCRIPT_FAILED");
    expect(failed.locks.map(({ resource }) => resource)).toEqual(["drill"]);
    expect(effects("do")).toEqual([1, 1, 0, 0]);
    drill.behave = () => SUCCEEDED;
    await retry(kernel.deps, drill.ask(id), {});
    await drill.waitFor(id, "succeeded");
    expect(effects("do")).toEqual([1, 2, 1, 1]);
    expect(effects("stage")).toEqual([1, 1, 1, 1]);
  });

  test("a skipped loser stays out, and the change succeeds without it", async () => {
    drill.behave = (step, _command, host) => (step === "do" && host === "h1" ? FAILED : SUCCEEDED);
    const id = await drill.run(kernel, hosts, { strategy: { batches: "each" } });
    await drill.waitFor(id, "failed");
    await skip(kernel.deps, drill.ask(id), { targetIds: ["h1"], traffic: "leave-detached" });
    const change = await drill.waitFor(id, "succeeded");
    expect(change.targets).toMatchObject({ skipped: 1, succeeded: 3 });
    expect(effects("do")).toEqual([1, 1, 1, 1]);
  });

  test("pause ends at the end of the targets in hand, and nothing begins until resume", async () => {
    const held = hold("h1", "do");
    const id = await drill.run(kernel, hosts, { strategy: { batches: "each" } });
    await held.reached;
    await pause(kernel.deps, drill.ask(id), {});
    held.release();
    await drill.waitFor(id, "paused");
    expect([effects("do"), effects("do-more")]).toEqual([
      [1, 0, 0, 0],
      [1, 0, 0, 0],
    ]);
    await sleep(300);
    expect(effects("do")).toEqual([1, 0, 0, 0]);
    await resume(kernel.deps, drill.ask(id));
    await drill.waitFor(id, "succeeded");
    expect(effects("do")).toEqual([1, 1, 1, 1]);
  });

  test("pause with `now` ends after the step in hand, and resume goes on with the next step of the same target", async () => {
    const held = hold("h1", "do");
    const id = await drill.run(kernel, hosts, { strategy: { batches: "each" } });
    await held.reached;
    await pause(kernel.deps, drill.ask(id), { now: true });
    held.release();
    const paused = await drill.waitFor(id, "paused");
    expect(effects("do-more")).toEqual([0, 0, 0, 0]);
    expect(paused.groups[0]?.batches[0]?.targets[0]?.state).toBe("running");
    await resume(kernel.deps, drill.ask(id));
    await drill.waitFor(id, "succeeded");
    expect([effects("do"), effects("do-more")]).toEqual([
      [1, 1, 1, 1],
      [1, 1, 1, 1],
    ]);
  });

  test("a paused change starts nothing on an agent that was away and comes back", async () => {
    const held = hold("h1", "do");
    const id = await drill.run(kernel, hosts, { strategy: { batches: { size: 2 } } });
    await held.reached;
    await until(() => hosts[1]?.effects.get("do-more") === 1);
    await hosts[1]?.cut();
    await pause(kernel.deps, drill.ask(id), { now: true });
    held.release();
    await drill.waitFor(id, "paused");
    const before = [effects("do"), effects("do-more")];
    await hosts[1]?.connect(kernel);
    await sleep(300);
    expect([effects("do"), effects("do-more")]).toEqual(before);
  }, 60_000);

  test("a batch behind a gate waits for its confirmation, which may come ahead of time", async () => {
    const id = await drill.run(kernel, hosts, { strategy: { batches: { size: 2 }, confirm: "each" } });
    const waiting = await drill.waitFor(id, "awaiting-confirmation");
    expect(waiting.groups[0]?.batches[1]).toMatchObject({
      state: "awaiting-confirmation",
      allowedActions: ["confirm"],
    });
    expect(await code(confirm(kernel.deps, drill.ask(id), { batchIds: ["g/1"] }))).toBe("ACTION_NOT_ALLOWED");
    expect(await code(confirm(kernel.deps, drill.ask(id), { batchIds: ["g/9"] }))).toBe("BATCH_UNKNOWN");
    await confirm(kernel.deps, drill.ask(id), { batchIds: ["g/2"] });
    await drill.waitFor(id, "succeeded");
  });

  test("cancel finishes the target in hand, cleans what was staged, and leaves the others", async () => {
    const held = hold("h1", "do");
    const id = await drill.run(kernel, hosts, { strategy: { batches: "each" } });
    await held.reached;
    await cancel(kernel.deps, drill.ask(id));
    held.release();
    await drill.waitFor(id, "cancelled");
    expect([effects("do"), effects("do-more"), effects("clean")]).toEqual([
      [1, 0, 0, 0],
      [1, 0, 0, 0],
      [0, 1, 1, 1],
    ]);
  });

  test("a verb that is not offered is refused with what is, and changes nothing", async () => {
    const id = await drill.create(kernel, hosts);
    expect(await code(pause(kernel.deps, drill.ask(id), {}))).toBe("ACTION_NOT_ALLOWED");
    expect((await drill.show(id)).state).toBe("planned");
  });

  test("a plan whose basis moved is refused, naming what moved", async () => {
    const id = await drill.create(kernel, hosts);
    drillBasis.version = "2";
    await expect(start(kernel.deps, drill.ask(id), {})).rejects.toMatchObject({
      code: "PLAN_BASIS_MOVED",
      facts: { moved: ["the drill (1 → 2)"] },
    });
    expect((await drill.show(id)).locks).toEqual([]);
  });

  test("a lock that another holds is refused with its holder; with `wait` the change starts when it is free", async () => {
    const held = hold("h1", "do");
    const first = await drill.run(kernel, hosts.slice(0, 1));
    await held.reached;
    const second = await drill.create(kernel, hosts.slice(1));
    await expect(start(kernel.deps, drill.ask(second), {})).rejects.toMatchObject({
      code: "LOCK_HELD",
      facts: { holder: first },
    });
    await start(kernel.deps, drill.ask(second), { wait: true });
    expect((await drill.show(second)).waitingFor).toContain(first);
    held.release();
    await drill.waitFor(first, "succeeded");
    await drill.waitFor(second, "succeeded");
  });

  test("a scheduled change that cannot start in time expires", async () => {
    const held = hold("h1", "do");
    const first = await drill.run(kernel, hosts.slice(0, 1));
    await held.reached;
    const second = await drill.create(kernel, hosts.slice(1));
    const expiresAt = new Date(Date.now() + 500).toISOString();
    await start(kernel.deps, drill.ask(second), { wait: true, expiresAt });
    await drill.waitFor(second, "expired");
    held.release();
    await drill.waitFor(first, "succeeded");
  });

  test("a rollback in mid-change is a change of its own, of exactly the touched targets, with the locks handed over", async () => {
    const held = hold("h2", "do");
    const id = await drill.run(kernel, hosts, { strategy: { batches: "each" } });
    await held.reached;
    const answered = await rollback(kernel.deps, drill.ask(id), { speed: "fast", reason: "it smells" });
    expect(answered).toBe(id);
    held.release();
    const old = await drill.waitFor(id, "rolled-back");
    const back = await drill.show(old.rollbackChangeId!);
    expect(back).toMatchObject({ state: "succeeded", rollbackOf: id, reason: "it smells", createdBy: "tester" });
    expect(effects("undo")).toEqual([1, 1, 0, 0]);
    expect([old.locks, back.locks]).toEqual([[], []]);
  });

  test("a rollback that is closed closes the old change too, with a list of where both left the hosts", async () => {
    const id = await drill.run(kernel, hosts, { strategy: { batches: "each", confirm: "each" } });
    await drill.waitFor(id, "awaiting-confirmation");
    await confirm(kernel.deps, drill.ask(id), { batchIds: ["g/2"] });
    await until(async () => (await drill.show(id)).targets.succeeded === 2);
    const held = hold("h2", "undo");
    await rollback(kernel.deps, drill.ask(id), { speed: "fast", reason: "drill" });
    await held.reached;
    const { rollbackChangeId } = await drill.show(id);
    await until(async () => (await drill.show(rollbackChangeId!)).targets.succeeded === 1);
    await close(kernel.deps, drill.ask(rollbackChangeId!), { reason: "enough" });
    held.release();
    const old = await drill.waitFor(id, "closed");
    expect(old.leftBehind).toEqual([
      "h1: new",
      "h2: between old and new (running)",
      "h3: old (staged)",
      "h4: old (staged)",
    ]);
  });

  test("a change whose targets were all skipped says so", async () => {
    drill.behave = (step) => (step === "do" ? FAILED : SUCCEEDED);
    const id = await drill.run(kernel, hosts.slice(0, 1));
    await drill.waitFor(id, "failed");
    await skip(kernel.deps, drill.ask(id), { targetIds: ["h1"], traffic: "leave-detached" });
    const failed = await until(async () => {
      const change = await drill.show(id);
      return change.problem?.code === "NONE_SUCCEEDED" ? change : null;
    });
    expect(failed).toMatchObject({ state: "failed", problem: { facts: { skipped: 1, offline: 0 } } });
  });

  test("`follow` and `fast` roll back in different sequences", async () => {
    for (const [speed, batches] of [
      ["follow", 4],
      ["fast", 1],
    ] as const) {
      const id = await drill.run(kernel, hosts);
      await drill.waitFor(id, "succeeded");
      const back = await rollback(kernel.deps, drill.ask(id), { speed, reason: "drill" });
      expect((await drill.show(back)).state).toBe("planned");
      await start(kernel.deps, drill.ask(back), {});
      const done = await drill.waitFor(back, "succeeded");
      expect(done.groups[0]?.batches.length).toBe(batches);
      expect(await drill.show(id)).toMatchObject({ state: "succeeded", rolledBackBy: back, allowedActions: [] });
    }
  });

  test("a spent budget rolls back by itself where the strategy says so", async () => {
    drill.behave = (step, _command, host) => (step === "do" && host === "h1" ? FAILED : SUCCEEDED);
    const strategy = { beta: 1, batches: { size: 2 }, budget: { failures: 0, action: "rollback" } };
    const id = await drill.run(kernel, hosts, { strategy });
    const old = await drill.waitFor(id, "rolled-back");
    expect(old.problem?.code).toBe("SCRIPT_FAILED");
    expect((await drill.show(old.rollbackChangeId!)).state).toBe("succeeded");
    expect([effects("do"), effects("undo")]).toEqual([
      [1, 0, 0, 0],
      [1, 0, 0, 0],
    ]);
  });

  test("close leaves everything as it is, lists it, and frees the locks; late outcomes change nothing", async () => {
    const held = hold("h1", "do");
    const id = await drill.run(kernel, hosts, { strategy: { batches: "each" } });
    await held.reached;
    await close(kernel.deps, drill.ask(id), { reason: "enough" });
    held.release();
    const closed = await drill.show(id);
    expect(closed).toMatchObject({ state: "closed", locks: [] });
    expect(closed.leftBehind[0]).toContain("h1: between old and new");
    await sleep(200);
    expect(effects("do-more")).toEqual([0, 0, 0, 0]);
  });

  test("a host that is silent too long makes its step unknown; its late outcome is recorded, and retry goes on from there", async () => {
    const held = hold("h1", "do");
    const id = await drill.run(kernel, hosts.slice(0, 1));
    await held.reached;
    await hosts[0]?.cut();
    const failed = await drill.waitFor(id, "failed");
    expect(failed.groups[0]?.batches[0]?.targets[0]).toMatchObject({
      state: "unknown",
      problem: { code: "HOST_LOST" },
    });
    expect(failed.allowedActions).toContain("declare-lost");
    expect(failed.allowedActions).not.toContain("retry");
    held.release();
    await hosts[0]?.connect(kernel);
    await until(async () => (await drill.show(id)).allowedActions.includes("retry"));
    await retry(kernel.deps, drill.ask(id), {});
    await drill.waitFor(id, "succeeded");
    expect(effects("do")[0]).toBe(1);
  }, 240_000);

  test("a step that a person declared lost is tried again, and the old attempt never starts", async () => {
    const held = hold("h1", "do");
    const id = await drill.run(kernel, hosts.slice(0, 1));
    await held.reached;
    await hosts[0]?.kill();
    const failed = await drill.waitFor(id, "failed");
    const step = failed.groups[0]?.batches[0]?.targets[0]?.steps.find(({ state }) => state === "unknown");
    await declareLost(kernel.deps, drill.ask(id), { stepIds: [step!.id!], reason: "the disk is gone" });
    await until(async () => (await drill.show(id)).allowedActions.includes("retry"));
    drill.behave = () => SUCCEEDED;
    await retry(kernel.deps, drill.ask(id), {});
    await hosts[0]?.connect(kernel);
    await drill.waitFor(id, "succeeded");
  }, 240_000);

  test("events are numbered without gaps", async () => {
    const id = await drill.run(kernel, hosts);
    const { sequence } = await drill.waitFor(id, "succeeded");
    const events = await drill.database.db
      .selectFrom("change_event")
      .select("sequence")
      .where("change_id", "=", id)
      .orderBy("sequence")
      .execute();
    expect(events.map((event) => event.sequence)).toEqual(Array.from({ length: sequence }, (_, index) => index + 1));
  });

  test.each(EXIT_POINTS)(
    "a control plane killed %s: another goes on, each effect happens once",
    async (point) => {
      let passed = 0;
      let victim: Kernel | null = null;
      const dies = Promise.withResolvers<void>();
      await kernel.close();
      victim = await drill.kernel((reached) => {
        if (reached !== point) return;
        passed += 1;
        if (passed < 4) return;
        dies.resolve();
        void victim?.kill();
        throw new Error("killed here");
      });
      for (const host of hosts) await host.connect(victim);
      const id = await drill.run(victim, hosts, { strategy: { batches: { size: 2 } } });
      await dies.promise;
      const next = await drill.kernel();
      for (const host of hosts) await host.connect(next);
      await drill.waitFor(id, "succeeded");
      expect([effects("stage"), effects("do"), effects("do-more")]).toEqual([
        [1, 1, 1, 1],
        [1, 1, 1, 1],
        [1, 1, 1, 1],
      ]);
      expect(await drill.counted()).toBe(5);
    },
    60_000,
  );

  test("two control planes share the work: a command planned on one reaches a host of the other", async () => {
    const second = await drill.kernel();
    await hosts[2]?.connect(second);
    await hosts[3]?.connect(second);
    const id = await drill.run(kernel, hosts, { strategy: { batches: "all" } });
    await drill.waitFor(id, "succeeded");
    expect(effects("do")).toEqual([1, 1, 1, 1]);
  });
});
