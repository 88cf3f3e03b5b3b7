import { sql } from "kysely";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { migratedDatabase, serverKinds } from "../../testing.ts";
import type { ExitPoint } from "../exit-point.ts";
import { Drill, SUCCEEDED } from "../testing.ts";

describe.each(await serverKinds())("an outcome and what follows from it on %s", (kind) => {
  let drill: Drill;
  beforeEach(async () => {
    drill = await Drill.begin(await migratedDatabase(kind), "drill");
  });
  afterEach(async () => await drill.close());

  /** The transaction that wrote a row last. */
  const writerOf = async (table: "change_step" | "command", stepName: string): Promise<string | undefined> => {
    const column = table === "command" ? sql`body -> 'input' -> 'command' ->> 0` : sql`name`;
    const { rows } = await sql<{ writer: string }>`
      select xmin::text as writer from ${sql.table(table)} where ${column} = ${stepName}`.execute(drill.database.db);
    return rows[0]?.writer;
  };

  test("are one transaction where the worker and the agent's link are in one process", async () => {
    const [reached, done] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    drill.behave = async (step) => {
      if (step !== "do") return SUCCEEDED;
      reached.resolve();
      await done.promise;
      return SUCCEEDED;
    };
    const kernel = await drill.kernel();
    const host = await drill.host("h1");
    await host.connect(kernel);
    const id = await drill.run(kernel, [host]);
    await reached.promise;
    const stored = await writerOf("change_step", "stage");
    expect(stored).toEqual(expect.any(String));
    expect(await writerOf("command", "do")).toBe(stored);
    done.resolve();
    await drill.waitFor(id, "succeeded");
  });

  test("an outcome is stored by itself when the worker's look fails, and the change goes on", async () => {
    let failures = 0;
    const failOnce = (point: ExitPoint): void => {
      if (point !== "before-outcome-commit" || failures > 0) return;
      failures += 1;
      throw new Error("this look fails");
    };
    const kernel = await drill.kernel(failOnce);
    const host = await drill.host("h1");
    await host.connect(kernel);
    const id = await drill.run(kernel, [host]);
    await drill.waitFor(id, "succeeded");
    expect(failures).toBe(1);
    expect(Object.fromEntries(host.effects)).toEqual({ stage: 1, do: 1, "do-more": 1 });
  });
});
