import { once } from "node:events";
import { expect, test } from "vitest";
import { Bed } from "../conformance/bed.ts";
import { namedApplication, putRules, rule, sendTo, way } from "../conformance/rule-bed.ts";

test("a copy that is answered without an end is left when its time is over, and nothing is said of it", async () => {
  const bed = await new Bed("node", { responseTimeoutMs: 200 }).open();
  try {
    const served = await namedApplication(bed, "served");
    const events = Promise.withResolvers<void>();
    const shadow = await bed.application((req, res) => {
      res.writeHead(200, { "content-type": "text/event-stream" }).write("data: 1\n\n");
      events.resolve(once(req.socket, "close").then(() => undefined));
    });
    await putRules(bed, [{ port: served }, { port: shadow }], {
      subsets: [
        { name: "served", instances: [bed.key(served)] },
        { name: "shadow", instances: [bed.key(shadow)] },
      ],
      rules: [rule("copy", { mirror: { basisPoints: 10_000, chain: ["shadow"] }, send: sendTo(way(["served"])) })],
    });
    expect((await bed.ask()).body).toBe("served");
    await events.promise;
    expect(bed.troubles).toEqual([]);
  } finally {
    await bed.close();
  }
});
