import { afterAll, beforeAll, expect, test } from "vitest";
import { migratedDatabase } from "../../testing.ts";
import { Drill, type DrillHost, FAILED, type Kernel, SUCCEEDED } from "../testing.ts";
import { start } from "../verbs/start.ts";
import { cancel, close } from "../verbs/steer.ts";

let drill: Drill;
let kernel: Kernel;
let hosts: DrillHost[];
beforeAll(async () => {
  drill = await Drill.begin(await migratedDatabase(), "ends");
  kernel = await drill.kernel();
  hosts = [await drill.host("h1"), await drill.host("h2")];
  for (const host of hosts) await host.connect(kernel);
});
afterAll(() => drill.close());

const told = (changeId: string) => drill.ended.filter((ended) => ended.changeId === changeId);

test("the end of a change is told once, with where its targets stand", async () => {
  const good = await drill.run(kernel, hosts);
  await drill.waitFor(good, "succeeded");
  expect(told(good)).toMatchObject([{ state: "succeeded" }]);
  expect(told(good)[0]?.targets.get("h2")).toBe("succeeded");

  drill.behave = (step, _command, host) => (step === "do" && host === "h2" ? FAILED : SUCCEEDED);
  const bad = await drill.run(kernel, hosts);
  await drill.waitFor(bad, "failed");
  expect(told(bad)).toEqual([]);
  await close(kernel.deps, drill.ask(bad), { reason: "enough" });
  expect(told(bad).map(({ state, targets }) => [state, targets.get("h2")])).toEqual([["closed", "failed"]]);
  drill.behave = () => SUCCEEDED;

  const never = await drill.create(kernel, hosts);
  await cancel(kernel.deps, drill.ask(never));
  expect(told(never)).toMatchObject([{ state: "cancelled" }]);
});

test("what must be free at the start is not held afterwards", async () => {
  let goOn = (): void => undefined;
  const held = new Promise<void>((resolve) => (goOn = resolve));
  drill.behave = async (step) => {
    if (step === "do") await held;
    return SUCCEEDED;
  };
  const [one, other] = hosts as [DrillHost, DrillHost];
  const first = await drill.run(kernel, [one], { lock: "revision", free: "targets" });
  const second = await drill.run(kernel, [other], { lock: "targets" });
  const third = await drill.create(kernel, [one], { lock: "another", free: "targets" });
  await expect(start(kernel.deps, drill.ask(third), {})).rejects.toMatchObject({ code: "LOCK_HELD" });
  await start(kernel.deps, drill.ask(third), { wait: true });
  expect(await drill.show(third)).toMatchObject({ state: "scheduled", waitingFor: expect.stringContaining("targets") });
  goOn();
  for (const changeId of [first, second, third]) await drill.waitFor(changeId, "succeeded");
});
