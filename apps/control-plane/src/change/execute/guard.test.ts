import type { Change } from "@evenkeel/contracts/change";
import { LATENCY_BOUNDS_MS } from "@evenkeel/contracts/gateway-protocol";
import { GatewayId, newId, type ServiceId } from "@evenkeel/contracts/id";
import { instanceKey } from "@evenkeel/contracts/route-table";
import { createLog } from "@evenkeel/kit/log";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { seedService, until } from "../../link/testing.ts";
import { readSamples, SampleRecorder } from "../../sample/index.ts";
import { migratedDatabase, serverKinds } from "../../testing.ts";
import { eventsAfter } from "../store/event.ts";
import { Drill, type DrillHost, type Kernel } from "../testing.ts";
import { resume } from "../verbs/steer.ts";

const FEED_MS = 250;
const REQUESTS = 50;

describe.each(await serverKinds())("guards of changes on %s", (kind) => {
  let drill: Drill;
  let kernel: Kernel;
  let serviceId: ServiceId;
  let hosts: DrillHost[];
  let feeder: NodeJS.Timeout;
  let recorder: SampleRecorder;
  /** How many of fifty requests fail on a host that was changed. */
  let failing = 0;

  beforeEach(async () => {
    failing = 0;
    drill = await Drill.begin(await migratedDatabase(kind), "one");
    kernel = await drill.kernel();
    serviceId = await seedService(drill.database.db, drill.seeded, "shop");
    hosts = [];
    for (const name of ["h1", "h2"]) {
      const host = await drill.host(name);
      await host.connect(kernel);
      hosts.push(host);
    }
    recorder = new SampleRecorder({ ...kernel.deps, log: createLog({ part: "test", level: "silent" }) });
    const gatewayId = newId(GatewayId, "gtw");
    const count = (host: DrillHost) => {
      const failed = host.effects.has("do-more") ? failing : 0;
      const latency = LATENCY_BOUNDS_MS.map((bound) => (bound === 50 ? REQUESTS : 0));
      const none = {
        status3xx: 0,
        status4xx: 0,
        connectErrors: 0,
        unavailable: 0,
        cut: 0,
        retries: 0,
        clientAborts: 0,
      };
      return {
        ...{ ...none, gatewayId, workspaceId: drill.seeded.workspaceId, windowMs: FEED_MS, serviceId },
        ...{
          instance: instanceKey(serviceId, host.hostId, "a"),
          version: "old",
          requests: REQUESTS,
          latency: [...latency, 0],
        },
        ...{ status2xx: REQUESTS - failed, status5xx: failed, inFlight: 0, longLived: 0, queued: 0, connections: 0 },
      };
    };
    feeder = setInterval(() => recorder.add(hosts.map(count)), FEED_MS);
  });
  afterEach(async () => {
    clearInterval(feeder);
    await recorder.close();
    await drill.close();
  });

  const guards = [{ kind: "error-rate", windowSeconds: 3 }];
  /** Once there is a time before the change to compare with. */
  const run = async (by: Kernel) => {
    const { db, tenantId } = { ...drill.database, ...drill.seeded };
    await until(async () => (await readSamples(db, { tenantId, serviceId, sinceSeconds: 60, limit: 100 })).length > 12);
    return await drill.run(by, hosts, { slot: serviceId, strategy: { batches: "each", guards } });
  };
  const verdicts = ({ groups }: Change) => groups.flatMap(({ batches }) => batches.flatMap((batch) => batch.guards));

  test("a batch ends only after its guards passed, and the next begins", async () => {
    const change = await drill.waitFor(await run(kernel), "succeeded");
    expect(verdicts(change).map(({ outcome, final }) => [outcome, final])).toEqual([
      ["pass", true],
      ["pass", true],
    ]);
  });

  test("worse stops it where it stands; who resumes has overruled that verdict, and no other", async () => {
    failing = 10;
    const id = await run(kernel);
    const first = await drill.waitFor(id, "paused");
    expect(first.problem).toMatchObject({ code: "GUARD_WORSE" });
    expect(verdicts(first)).toMatchObject([
      { outcome: "worse", text: expect.stringMatching(/new: \d+ of \d+ .* \(20 %\)/) },
    ]);
    expect(hosts.map(({ effects }) => effects.get("do") ?? 0)).toEqual([1, 0]);
    await resume(kernel.deps, drill.ask(id));
    const second = await drill.waitFor(id, "paused");
    expect(verdicts(second)).toMatchObject([{ overruledBy: "tester" }, { outcome: "worse", overruledBy: null }]);
    expect(hosts.map(({ effects }) => effects.get("do") ?? 0)).toEqual([1, 1]);
  });

  test("a control plane killed while its guards look: another looks, and each verdict is told once", async () => {
    await kernel.close();
    let armed = false;
    const dies = Promise.withResolvers<void>();
    const victim = await drill.kernel((point) => {
      if (!armed || point !== "before-commit") return;
      dies.resolve();
      void victim.kill();
      throw new Error("killed here");
    });
    for (const host of hosts) await host.connect(victim);
    const id = await run(victim);
    await until(async () => (await drill.show(id)).groups[0]?.batches[0]?.state === "baking");
    armed = true;
    await dies.promise;
    const next = await drill.kernel();
    for (const host of hosts) await host.connect(next);
    const change = await drill.waitFor(id, "succeeded");
    expect(verdicts(change).map(({ outcome }) => outcome)).toEqual(["pass", "pass"]);
    const told = (await eventsAfter(drill.database.db, id, { after: 0, limit: 1000 }))
      .filter(({ type }) => type === "guard")
      .map(({ data }) => data.batchId);
    expect(told).toEqual(["g/1", "g/2"]);
  });
});
