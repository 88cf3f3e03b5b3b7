import { afterEach, beforeEach, describe, expect } from "vitest";
import { type Ask, Bed, DRIVERS } from "./bed.ts";
import { putRules, rule, sendTo, way } from "./rule-bed.ts";
import { conforming, printTable } from "./table.ts";

printTable("rules that look into bodies");

describe.each(DRIVERS)("%s", (driver) => {
  const check = conforming(driver);
  let bed: Bed;
  beforeEach(async () => {
    bed = new Bed(driver);
    await bed.open();
  });
  afterEach(async () => {
    await bed.close();
  });

  const gold = { field: "body" as const, name: "customer.tier", not: false };
  const sentBy = async (ask: Ask) => (await bed.ask({ method: "POST", ...ask })).body;
  const order = (tier: string, filling = "") => JSON.stringify({ filling, customer: { tier } });
  const echo = (name: string) =>
    bed.application((req, res) => {
      let size = 0;
      req.on("data", (chunk: Buffer) => {
        size += chunk.length;
      });
      req.on("end", () => res.end(`${name} ${size}`));
    });
  const given = async () => {
    const [old, young] = [await echo("old"), await echo("new")];
    const subsets = [
      { name: "v1", instances: [bed.key(old)] },
      { name: "v2", instances: [bed.key(young)] },
    ];
    const conditions = [{ ...gold, test: { kind: "in" as const, values: ["gold"] } }];
    const rules = [
      rule("gold", { conditions, send: sendTo(way(["v2"])) }),
      rule("others", { send: sendTo(way(["v1"])) }),
    ];
    await putRules(bed, [{ port: old }, { port: young }], { subsets, rules });
  };

  check("a business parameter sends the whole request to its version", async () => {
    await given();
    for (const size of [0, 40_000, 900_000]) {
      const [one, other] = [order("gold", "x".repeat(size)), order("tin", "x".repeat(size))];
      expect(await sentBy({ body: one })).toBe(`new ${one.length}`);
      expect(await sentBy({ body: other })).toBe(`old ${other.length}`);
      expect(await sentBy({ body: one, headers: { "transfer-encoding": "chunked" } })).toBe(`new ${one.length}`);
    }
  });

  check("what is no JSON, too long or not there is as if it had no such value, and arrives whole", async () => {
    await given();
    const long = order("gold", "x".repeat(3_000_000));
    expect(await sentBy({ body: long })).toBe(`old ${long.length}`);
    expect(await sentBy({ body: long, headers: { "transfer-encoding": "chunked" } })).toBe(`old ${long.length}`);
    const file = { "content-type": "application/octet-stream" };
    expect(await sentBy({ body: order("gold"), headers: file })).toBe(`old ${order("gold").length}`);
    expect(await sentBy({ body: "{gold" })).toBe("old 5");
    expect(await sentBy({ body: "" })).toBe("old 0");
    expect(await sentBy({ method: "GET" })).toBe("old 0");
  });
});
