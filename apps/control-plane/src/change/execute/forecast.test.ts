import type { ChangeId } from "@evenkeel/contracts/id";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { migratedDatabase, serverKinds } from "../../testing.ts";
import { Drill, type DrillHost, drillBasis, type Kernel } from "../testing.ts";
import { dryRun } from "../verbs/plan.ts";
import { previewRollback, rollback } from "../verbs/rollback.ts";
import { start } from "../verbs/start.ts";

describe.each(await serverKinds())("how long a change takes, on %s", (kind) => {
  let drill: Drill;
  let kernel: Kernel;
  let hosts: DrillHost[];

  beforeEach(async () => {
    drillBasis.version = "1";
    drill = await Drill.begin(await migratedDatabase(kind), "one");
    kernel = await drill.kernel();
    hosts = [await drill.host("h1"), await drill.host("h2")];
    for (const host of hosts) await host.connect(kernel);
  });
  afterEach(async () => await drill.close());

  const spec = () => ({
    hosts: hosts.map(({ name, hostId }) => ({ name, hostId })),
    strategy: { batches: "each" },
  });
  const planned = async () => (await dryRun(kernel.deps, drill.seeded.tenantId, { kind: "drill", spec: spec() })).plan;
  const wayBack = async (id: ChangeId, speed: "follow" | "fast") =>
    (await previewRollback(kernel.deps, drill.ask(id), { speed })).plan;

  test("nothing is said before the first run; afterwards the plan says it, and so do both ways back once there was one", async () => {
    expect(await planned()).toMatchObject({ expectedMs: null });
    const first = await drill.run(kernel, hosts, { strategy: { batches: "each" } });
    await drill.waitFor(first, "succeeded");
    const known = await planned();
    expect(known.expectedMs).toBeGreaterThanOrEqual(0);
    expect(Object.keys(known.expected?.batchesMs ?? {})).toEqual(["g/1", "g/2"]);
    expect((await wayBack(first, "fast")).expectedMs).toBeNull();
    const back = await rollback(kernel.deps, drill.ask(first), { speed: "fast", reason: "the test" });
    await start(kernel.deps, drill.ask(back), {});
    await drill.waitFor(back, "succeeded");
    const second = await drill.run(kernel, hosts, { strategy: { batches: "each" } });
    await drill.waitFor(second, "succeeded");
    const batches = async (speed: "follow" | "fast") => (await wayBack(second, speed)).expected?.batchesMs;
    expect(Object.keys((await batches("follow")) ?? {})).toEqual(["g/1", "g/2"]);
    expect(Object.keys((await batches("fast")) ?? {})).toEqual(["g/1"]);
  });

  test("a look at the way back changes nothing, and is refused where there is none", async () => {
    const id = await drill.create(kernel, hosts);
    await expect(wayBack(id, "fast")).rejects.toMatchObject({ code: "ACTION_NOT_ALLOWED" });
    await start(kernel.deps, drill.ask(id), {});
    const { sequence } = await drill.waitFor(id, "succeeded");
    await wayBack(id, "fast");
    expect((await drill.show(id)).sequence).toBe(sequence);
  });
});
