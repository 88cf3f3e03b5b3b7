import type { TableCondition } from "@evenkeel/contracts/route-table";
import { TrafficPolicy } from "@evenkeel/contracts/traffic-rule";
import { afterEach, beforeEach, describe, expect } from "vitest";
import { Bed, DRIVERS, until } from "./bed.ts";
import { namedApplication, putRules, rule, sendTo, way } from "./rule-bed.ts";
import { conforming, printTable } from "./table.ts";

printTable("callers, outliers, and who waits");

/** Each has its own address on this machine. */
const CALLERS = ["127.0.0.2", "127.0.3.7", "127.0.3.70", "127.9.9.9"];
type Source = Pick<TableCondition, "test"> & { readonly not?: boolean };
const SOURCES: [string, Source, string[]][] = [
  ["listed addresses", { test: { kind: "in", values: ["127.0.0.2", "127.9.9.9"] } }, ["127.0.0.2", "127.9.9.9"]],
  ["a network", { test: { kind: "network", networks: ["127.0.3.0/26"] } }, ["127.0.3.7"]],
  ["the begin of an address", { test: { kind: "prefix", prefix: "127.0.3." } }, ["127.0.3.7", "127.0.3.70"]],
  ["anywhere but a network", { test: { kind: "network", networks: ["127.0.0.0/16"] }, not: true }, ["127.9.9.9"]],
];
/** Longer than any run without it, as long as it takes its turn. */
const LONG = 12;

describe.each(DRIVERS)("%s", (driver) => {
  const check = conforming(driver);
  let bed: Bed;
  beforeEach(async () => {
    bed = await new Bed(driver).open();
  });
  afterEach(async () => {
    await bed.close();
  });

  for (const [name, source, expected] of SOURCES) {
    check(`callers from ${name} go where the rule says, whatever they claim to be`, async () => {
      const [old, young] = [await namedApplication(bed, "old"), await namedApplication(bed, "new")];
      const subsets = [
        { name: "v1", instances: [bed.key(old)] },
        { name: "v2", instances: [bed.key(young)] },
      ];
      const conditions = [{ field: "source" as const, name: "", not: false, ...source }];
      const rules = [
        rule("some", { conditions, send: sendTo(way(["v2"])) }),
        rule("others", { send: sendTo(way(["v1"])) }),
      ];
      await putRules(bed, [{ port: old }, { port: young }], { subsets, rules });
      const chosen = async (headers: Record<string, string>): Promise<string[]> => {
        const answers = await Promise.all(CALLERS.map((from) => bed.ask({ from, headers })));
        return CALLERS.filter((_, index) => answers[index]?.body === "new");
      };
      expect(await chosen({})).toEqual(expected);
      expect(await chosen({ "x-forwarded-for": "127.0.3.7, 127.9.9.9", "x-real-ip": "127.9.9.9" })).toEqual(expected);
    });
  }

  check("who waits for a first instance, or for a place, is told of while he waits", async () => {
    const open: (() => void)[] = [];
    const port = await bed.application((_req, res) => void open.push(() => res.end("done")));
    const queued = async (count: number): Promise<void> =>
      await until(async () => ((await bed.statistics(null))?.queued ?? 0) === count);
    await bed.apply([], 60_000);
    const waiting = [bed.ask(), bed.ask(), bed.ask({ method: "POST", body: "x" })];
    await queued(3);
    await bed.apply([{ port }], 60_000);
    await until(() => open.length === 3);
    await queued(0);
    expect(await bed.statistics(port)).toMatchObject({ inFlight: 3, queued: 0, connections: 3 });
    for (const end of open.splice(0)) end();
    expect((await Promise.all(waiting)).map(({ body }) => body)).toEqual(["done", "done", "done"]);
    await putRules(bed, [{ port }], {
      rules: [rule("one", { concurrency: { requests: 1, queue: 2, queueMs: 60_000 } })],
    });
    const three = [bed.ask(), bed.ask(), bed.ask()];
    await queued(2);
    for (let served = 0; served < 3; served += 1) {
      await until(() => open.length === 1);
      open.pop()?.();
    }
    expect((await Promise.all(three)).map(({ body }) => body)).toEqual(["done", "done", "done"]);
    await queued(0);
  });

  check(
    "an instance that fails half of its requests is left alone, and asked again when its time is over",
    async () => {
      let asked = 0;
      const bad = await bed.application((_req, res) => {
        asked += 1;
        res.writeHead(asked % 2 === 0 ? 500 : 200).end("bad");
      });
      const good = [await namedApplication(bed, "good"), await namedApplication(bed, "good")];
      const ejection = {
        ...{ enforcingConsecutive5xx: 0, enforcingSuccessRate: 0, enforcingFailurePercentage: 100 },
        ...{ failurePercentageThreshold: 40, failurePercentageMinimumHosts: 3, failurePercentageRequestVolume: 5 },
        ...{ intervalSeconds: 1, baseEjectionSeconds: 2 },
      };
      const specs = [bad, ...good].map((port) => ({ port }));
      await putRules(bed, specs, { policy: TrafficPolicy.parse({ ejection }) });
      const alone = async (): Promise<void> => {
        for (let run = 0; run < LONG; run += 1) if ((await bed.ask()).body === "bad") run = -1;
      };
      const back = async (): Promise<void> => {
        while ((await bed.ask()).body !== "bad");
      };
      await alone();
      expect(asked).toBeGreaterThan(5);
      const before = asked;
      await back();
      // Nobody but that request has come meanwhile.
      expect(asked).toBe(before + 1);
      await alone();
      expect(asked).toBeGreaterThan(before + 5);
    },
  );
});
