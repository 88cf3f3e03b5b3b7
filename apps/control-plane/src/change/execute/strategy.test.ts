import type { Outcome } from "@evenkeel/contracts/agent-protocol";
import { PlatformError } from "@evenkeel/contracts/error";
import type { ChangeId } from "@evenkeel/contracts/id";
import { sql } from "kysely";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { until } from "../../link/testing.ts";
import { migratedDatabase, serverKinds } from "../../testing.ts";
import { Drill, type DrillHost, drillBasis, FAILED, type Kernel, SUCCEEDED } from "../testing.ts";
import { retry } from "../verbs/mend.ts";
import { replan } from "../verbs/plan.ts";
import { start } from "../verbs/start.ts";
import { cancel, confirm } from "../verbs/steer.ts";

describe.each(await serverKinds())("strategies carried out on %s", (kind) => {
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
  const batchesOf = async (id: ChangeId) => (await drill.show(id)).groups.flatMap(({ batches }) => batches);
  /** A moment by the database's clock, as a person would write it. */
  const moment = async (inMs: number): Promise<string> => {
    const { rows } = await sql<{
      at: Date | string;
    }>`select clock_timestamp() + ${inMs} * interval '1 ms' as at`.execute(drill.database.db);
    return new Date(rows[0]!.at).toISOString();
  };

  test("a gate before traffic lets the batch be replaced, and gives traffic only when a person confirms", async () => {
    const strategy = { batches: { size: 2 }, confirm: "each", gate: "traffic" };
    const id = await drill.run(kernel, hosts, { strategy });
    await drill.waitFor(id, "awaiting-confirmation");
    expect([effects("do"), effects("do-more")]).toEqual([
      [1, 1, 0, 0],
      [0, 0, 0, 0],
    ]);
    expect((await batchesOf(id)).map(({ state, allowedActions }) => [state, allowedActions])).toEqual([
      ["awaiting-confirmation", ["confirm"]],
      ["pending", ["confirm"]],
    ]);
    // The second one ahead of its time: it does not wait any more.
    await confirm(kernel.deps, drill.ask(id), { batchIds: ["g/1", "g/2"] });
    await drill.waitFor(id, "succeeded");
    expect(effects("do-more")).toEqual([1, 1, 1, 1]);
  });

  test("a change cancelled before its traffic was confirmed gives none; retry and confirm bring it to its end", async () => {
    const strategy = { batches: "all", confirm: "first", gate: "traffic" };
    const id = await drill.run(kernel, hosts.slice(0, 2), { strategy });
    await drill.waitFor(id, "awaiting-confirmation");
    await cancel(kernel.deps, drill.ask(id));
    const failed = await drill.waitFor(id, "failed");
    expect(failed.problem?.code).toBe("TRAFFIC_UNCONFIRMED");
    expect(effects("do-more")).toEqual([0, 0, 0, 0]);
    await retry(kernel.deps, drill.ask(id), {});
    await drill.waitFor(id, "awaiting-confirmation");
    await confirm(kernel.deps, drill.ask(id), { batchIds: ["g/1"] });
    await drill.waitFor(id, "succeeded");
    expect([effects("do"), effects("do-more")]).toEqual([
      [1, 1, 0, 0],
      [1, 1, 0, 0],
    ]);
  });

  test("no more hosts stage at once than the strategy lets", async () => {
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    const begun: string[] = [];
    drill.behave = (step, _command, host) => {
      if (step !== "stage") return SUCCEEDED;
      begun.push(host);
      return promise;
    };
    const id = await drill.run(kernel, hosts, { strategy: { stageAtOnce: 2 } });
    await until(async () => begun.length === 2);
    // All that is sent at once is sent in one transaction: more than two would be known by now.
    const sent = (await batchesOf(id)).flatMap(({ targets }) => targets).filter(({ state }) => state === "staging");
    expect(sent.map(({ name }) => name)).toEqual(["h1", "h2"]);
    resolve(SUCCEEDED);
    await drill.waitFor(id, "succeeded");
    expect(effects("stage")).toEqual([1, 1, 1, 1]);
  });

  test("a change that gets no further fails with what it waits for, and a retry goes on", async () => {
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    drill.behave = (step, _command, host) => (step === "do" && host === "h1" ? promise : SUCCEEDED);
    const id = await drill.run(kernel, hosts, { strategy: { batches: "each", progressDeadlineSeconds: 3 } });
    const pausing = await drill.waitFor(id, "pausing");
    expect(pausing.problem).toMatchObject({ code: "NO_PROGRESS", facts: { seconds: 3, waiting: "h1 (do)" } });
    resolve(FAILED);
    const failed = await drill.waitFor(id, "failed");
    expect([failed.problem?.code, effects("do")]).toEqual(["NO_PROGRESS", [1, 0, 0, 0]]);
    drill.behave = () => SUCCEEDED;
    await retry(kernel.deps, drill.ask(id), {});
    await drill.waitFor(id, "succeeded");
  });

  test("with budget action `rollback` a change that gets no further rolls back", async () => {
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    drill.behave = (step, _command, host) => (step === "do" && host === "h1" ? promise : SUCCEEDED);
    const budget = { failures: 3, action: "rollback" };
    const id = await drill.run(kernel, hosts, { strategy: { batches: "each", progressDeadlineSeconds: 3, budget } });
    await drill.waitFor(id, "rolling-back");
    resolve(SUCCEEDED);
    await drill.waitFor(id, "rolled-back");
    expect(effects("undo")).toEqual([1, 0, 0, 0]);
  });

  test("a scheduled change starts at its time, although the control plane was killed and came back in between", async () => {
    const id = await drill.create(kernel, hosts);
    await start(kernel.deps, drill.ask(id), { at: await moment(1500) });
    expect((await drill.show(id)).state).toBe("scheduled");
    await kernel.kill();
    expect(effects("do")).toEqual([0, 0, 0, 0]);
    const second = await drill.kernel();
    for (const host of hosts) await host.connect(second);
    await drill.waitFor(id, "succeeded");
    expect(effects("do")).toEqual([1, 1, 1, 1]);
    const { rows } = await sql<{
      early: boolean;
    }>`select started_at < start_at as early from change where id = ${id}`.execute(drill.database.db);
    expect(rows).toEqual([{ early: false }]);
  });

  test("a change whose time runs out before it has started is expired, whatever it waited for", async () => {
    const holder = await drill.run(kernel, hosts.slice(0, 1), { strategy: { confirm: [1] } });
    await drill.waitFor(holder, "awaiting-confirmation");
    const waiting = await drill.create(kernel, hosts);
    await start(kernel.deps, drill.ask(waiting), { wait: true, expiresAt: await moment(700) });
    const early = await drill.create(kernel, hosts, { lock: "other" });
    await start(kernel.deps, drill.ask(early), { at: await moment(60_000), expiresAt: await moment(61_000) });
    // Killed here – then the next control plane finds that the time is over.
    await kernel.kill();
    await drill.kernel();
    await drill.waitFor(waiting, "expired");
    expect((await drill.show(waiting)).allowedActions).toEqual([]);
    expect((await drill.show(early)).state).toBe("scheduled");
    expect(effects("do")).toEqual([0, 0, 0, 0]);
  });

  test("a change that went back to planned because the world moved expires too, one that was planned anew does not", async () => {
    const ids = [await drill.create(kernel, hosts), await drill.create(kernel, hosts, { lock: "other" })] as const;
    drillBasis.version = "2";
    for (const id of ids) {
      await start(kernel.deps, drill.ask(id), { at: await moment(-1), expiresAt: await moment(5000) });
      expect((await drill.waitFor(id, "planned")).problem?.code).toBe("PLAN_BASIS_MOVED");
    }
    await replan(kernel.deps, drill.ask(ids[1]), {});
    await drill.waitFor(ids[0], "expired");
    expect((await drill.show(ids[1])).state).toBe("planned");
  });

  test("a start that could never come is refused, and nothing of it is kept", async () => {
    const id = await drill.create(kernel, hosts);
    const [past, soon, later] = [await moment(-1000), await moment(60_000), await moment(120_000)];
    expect(await code(start(kernel.deps, drill.ask(id), { expiresAt: past }))).toBe("INPUT_INVALID");
    expect(await code(start(kernel.deps, drill.ask(id), { at: later, expiresAt: soon }))).toBe("INPUT_INVALID");
    expect((await drill.show(id)).state).toBe("planned");
  });
});
