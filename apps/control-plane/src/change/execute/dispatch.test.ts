import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { migratedDatabase, serverKinds } from "../../testing.ts";
import { Drill, type DrillHost, drillObjections, type Kernel } from "../testing.ts";
import { retry } from "../verbs/mend.ts";

describe.each(await serverKinds())("what stands against a step, on %s", (kind) => {
  let drill: Drill;
  let kernel: Kernel;
  const hosts: DrillHost[] = [];

  beforeEach(async () => {
    drill = await Drill.begin(await migratedDatabase(kind), "one");
    kernel = await drill.kernel();
    for (const name of ["h1", "h2"]) {
      const host = await drill.host(name);
      await host.connect(kernel);
      hosts.push(host);
    }
  });
  afterEach(async () => {
    drillObjections.clear();
    await drill.close();
  });

  const effects = (step: string): number[] => hosts.map((host) => host.effects.get(step) ?? 0);

  test("it is the end of the step, and the agent never hears of it; once it is gone, retry goes on", async () => {
    drillObjections.add("do");
    const id = await drill.run(kernel, hosts, { strategy: { batches: "all" } });
    const failed = await drill.waitFor(id, "failed");
    expect(failed.problem?.code).toBe("INSTANCE_SERVES");
    expect([effects("stage"), effects("do")]).toEqual([
      [1, 1],
      [0, 0],
    ]);
    drillObjections.clear();
    await retry(kernel.deps, drill.ask(id), {});
    await drill.waitFor(id, "succeeded");
    expect([effects("stage"), effects("do")]).toEqual([
      [1, 1],
      [1, 1],
    ]);
  });
});
