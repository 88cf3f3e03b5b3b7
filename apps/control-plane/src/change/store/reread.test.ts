import type { ChangeId } from "@evenkeel/contracts/id";
import { inTransaction } from "@evenkeel/kit/sql";
import { sql } from "kysely";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { migratedDatabase, serverKinds } from "../../testing.ts";
import { Drill, type DrillHost, FAILED, type Kernel, SUCCEEDED } from "../testing.ts";
import { retry, skip } from "../verbs/mend.ts";
import { pause, resume } from "../verbs/steer.ts";
import { lockChange } from "./change.ts";
import { appendEvents } from "./event.ts";
import { type FreshRows, type KeptRows, rereadRows } from "./reread.ts";

describe.each(await serverKinds())("the rows that a worker keeps on %s", (kind) => {
  let drill: Drill;
  let kernel: Kernel;
  let hosts: DrillHost[];

  beforeEach(async () => {
    drill = await Drill.begin(await migratedDatabase(kind), "drill");
    kernel = await drill.kernel();
    hosts = [];
    for (const name of ["h1", "h2", "h3"]) hosts.push(await drill.host(name));
    for (const host of hosts) await host.connect(kernel);
  });
  afterEach(async () => await drill.close());

  const reread = async (id: ChangeId, kept: KeptRows | null): Promise<FreshRows> =>
    await inTransaction(drill.database.db, async (tx) => {
      const change = await lockChange(tx, drill.seeded.tenantId, id);
      return await rereadRows(tx, change, kept);
    });

  /** At one moment: with what was kept, and all of it. */
  const both = async (id: ChangeId, kept: KeptRows | null): Promise<[FreshRows, FreshRows]> =>
    await inTransaction(drill.database.db, async (tx) => {
      const change = await lockChange(tx, drill.seeded.tenantId, id);
      return [await rereadRows(tx, change, kept), await rereadRows(tx, change, null)];
    });

  test("are, with what has moved since, what reading everything gives: after each step, loss, verb and end", async () => {
    const created = Promise.withResolvers<ChangeId>();
    let kept: KeptRows | null = null;
    let compared = 0;
    const compare = async (): Promise<void> => {
      const [some, all] = await both(await created.promise, kept);
      expect(some).toEqual(all);
      // Every other time only, so that more than one thing has moved.
      if (compared % 2 === 0) kept = some;
      compared += 1;
    };
    const failures: unknown[] = [];
    drill.behave = async (step, { attempt }, host) => {
      await compare().catch((error: unknown) => failures.push(error));
      return (host === "h2" && step === "do" && attempt === 1) || (host === "h3" && step === "do") ? FAILED : SUCCEEDED;
    };
    const id = await drill.run(kernel, hosts, { strategy: { batches: "all" } });
    created.resolve(id);
    await drill.waitFor(id, "failed");
    await compare();
    await retry(kernel.deps, drill.ask(id), { targetIds: ["h2"] });
    await compare();
    await drill.waitFor(id, "failed");
    await compare();
    await skip(kernel.deps, drill.ask(id), { targetIds: ["h3"], traffic: "leave-detached" });
    await compare();
    await drill.waitFor(id, "succeeded");
    await compare();
    expect(failures).toEqual([]);
    expect(compared).toBeGreaterThan(10);
  });

  test("are read again where an event names them, and all of them after a person's verb or in another generation", async () => {
    const reached = Promise.withResolvers<void>();
    const released = Promise.withResolvers<void>();
    drill.behave = async (step, _command, host) => {
      if (host !== "h1" || step !== "do") return SUCCEEDED;
      reached.resolve();
      await released.promise;
      return SUCCEEDED;
    };
    const id = await drill.run(kernel, hosts, { strategy: { batches: "each" } });
    await reached.promise;
    await pause(kernel.deps, drill.ask(id), {});
    const kept = await reread(id, null);
    const { db } = drill.database;
    const mark = async (): Promise<unknown> =>
      await sql`update change_target set reattach = true where change_id = ${id} and target_id <> '$opening'`.execute(
        db,
      );
    const marked = ({ targets }: FreshRows): string[] =>
      targets.filter(({ reattach }) => reattach).map(({ target_id }) => target_id);
    await mark();
    expect(marked(await reread(id, kept))).toEqual(["$closing"]);
    const tell = (type: "target" | "verb", data: Record<string, unknown>): Promise<void> =>
      inTransaction(db, (tx) => appendEvents(tx, id, [{ type, data }]));
    await tell("target", { id: "h2" });
    expect(marked(await reread(id, kept))).toEqual(["$closing", "h2"]);
    expect(marked(await reread(id, { ...kept, sequence: kept.sequence + 1000 }))).toEqual([
      "$closing",
      "h1",
      "h2",
      "h3",
    ]);
    expect(marked(await reread(id, { ...kept, epoch: kept.epoch - 1 }))).toEqual(["$closing", "h1", "h2", "h3"]);
    await tell("verb", { action: "anything" });
    expect(marked(await reread(id, kept))).toEqual(["$closing", "h1", "h2", "h3"]);
    released.resolve();
    await drill.waitFor(id, "paused");
    await resume(kernel.deps, drill.ask(id));
    await drill.waitFor(id, "succeeded");
  });
});
