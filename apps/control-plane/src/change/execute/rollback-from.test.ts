import type { Outcome } from "@evenkeel/contracts/agent-protocol";
import type { ChangeState } from "@evenkeel/contracts/change-state";
import type { ChangeId } from "@evenkeel/contracts/id";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { migratedDatabase, serverKinds } from "../../testing.ts";
import { Drill, type DrillHost, drillBasis, FAILED, type Kernel, SUCCEEDED } from "../testing.ts";
import { rollback } from "../verbs/rollback.ts";
import { cancel, pause } from "../verbs/steer.ts";

describe.each(await serverKinds())("a rollback that is asked for in mid-change, on %s", (kind) => {
  let drill: Drill;
  let kernel: Kernel;
  let hosts: DrillHost[];

  beforeEach(async () => {
    drillBasis.version = "1";
    drill = await Drill.begin(await migratedDatabase(kind), "one");
    kernel = await drill.kernel();
    hosts = [];
    for (const name of ["h1", "h2", "h3"]) {
      const host = await drill.host(name);
      await host.connect(kernel);
      hosts.push(host);
    }
  });
  afterEach(async () => await drill.close());

  /** The step `do` waits on h2, which is the second batch. */
  const hold = () => {
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    const reached = Promise.withResolvers<void>();
    drill.behave = (step, _command, host) => {
      if (step !== "do" || host !== "h2") return SUCCEEDED;
      reached.resolve();
      return promise;
    };
    return { reached: reached.promise, release: () => resolve(SUCCEEDED) };
  };

  interface Way {
    /** Brings a change into the state; what it answers lets go of what it holds. */
    to(held: ReturnType<typeof hold>): Promise<{ id: ChangeId; release: () => void }>;
    readonly touched: readonly string[];
  }
  const each = { strategy: { batches: "each" } };
  const inHand = async (held: ReturnType<typeof hold>, steer: (id: ChangeId) => Promise<void>) => {
    const id = await drill.run(kernel, hosts, each);
    await held.reached;
    await steer(id);
    return { id, release: held.release };
  };
  const WAYS: Partial<Record<ChangeState, Way>> = {
    running: { to: (held) => inHand(held, async () => undefined), touched: ["h1", "h2"] },
    pausing: { to: (held) => inHand(held, (id) => pause(kernel.deps, drill.ask(id), {})), touched: ["h1", "h2"] },
    cancelling: { to: (held) => inHand(held, (id) => cancel(kernel.deps, drill.ask(id))), touched: ["h1", "h2"] },
    paused: {
      to: async (held) => {
        const { id, release } = await inHand(held, (one) => pause(kernel.deps, drill.ask(one), {}));
        release();
        return { id, release };
      },
      touched: ["h1", "h2"],
    },
    "awaiting-confirmation": {
      to: async () => {
        drill.behave = () => SUCCEEDED;
        const id = await drill.run(kernel, hosts, { strategy: { batches: "each", confirm: "first" } });
        return { id, release: () => undefined };
      },
      touched: ["h1"],
    },
    failed: {
      to: async () => {
        drill.behave = (step, _command, host) => (step === "do" && host === "h2" ? FAILED : SUCCEEDED);
        return { id: await drill.run(kernel, hosts, each), release: () => undefined };
      },
      touched: ["h1", "h2"],
    },
  };

  test.each(Object.entries(WAYS))(
    "from %s takes back exactly what was touched, what was in hand too",
    async (state, { to, touched }) => {
      const held = hold();
      const { id, release } = await to(held);
      const there = await drill.waitFor(id, state as ChangeState);
      expect(there.allowedActions).toContain("rollback");
      await rollback(kernel.deps, drill.ask(id), { speed: "fast", reason: "enough seen" });
      release();
      const ended = await drill.waitFor(id, "rolled-back");
      expect(ended.locks).toEqual([]);
      const back = await drill.show(ended.rollbackChangeId as ChangeId);
      expect(
        back.groups.flatMap((group) => group.batches.flatMap(({ targets }) => targets.map(({ name }) => name))),
      ).toEqual(touched);
      expect(hosts.map(({ effects }) => effects.get("undo") ?? 0)).toEqual(
        hosts.map(({ name }) => (touched.includes(name) ? 1 : 0)),
      );
    },
    60_000,
  );

  test("one of a change that has ended is refused while none of its hosts is there: nothing would come of it", async () => {
    drill.behave = () => SUCCEEDED;
    const id = await drill.run(kernel, hosts, each);
    await drill.waitFor(id, "succeeded");
    const back = () => rollback(kernel.deps, drill.ask(id), { speed: "fast", reason: "it was a test" });
    drillBasis.online = false;
    try {
      await expect(back()).rejects.toMatchObject({ code: "HOSTS_OFFLINE", facts: { count: 3 } });
    } finally {
      drillBasis.online = true;
    }
    await back();
  });
});
