import { afterEach, expect, test } from "vitest";
import { Fleet } from "../slot/testing.ts";

let fleet: Fleet;
afterEach(() => fleet?.close());

const versions = () => fleet.hosts.map((host) => host.runs().join());

test.each(["fast", "follow"])(
  "a release of one zone touches its hosts alone, and so does its rollback (%s)",
  async (speed) => {
    fleet = await Fleet.start(["h1", "h2"]);
    for (const name of ["h3", "h4"]) await fleet.host(name, "b");
    await fleet.release("1.0.0");
    const { id } = await fleet.release("2.0.0", { strategy: { zone: "b", batches: "each" } });
    expect(versions()).toEqual(["1.0.0", "1.0.0", "2.0.0", "2.0.0"]);
    const touched: string[] = [];
    fleet.interfere = (host) => {
      touched.push(host);
      return null;
    };
    const back = await fleet.call("POST", `/changes/${id}/rollback`, { speed, reason: "worse" });
    await fleet.start(back.id);
    await fleet.waitFor(back.id, "succeeded");
    expect(versions()).toEqual(Array(4).fill("1.0.0"));
    expect([...new Set(touched)].sort()).toEqual(["h3", "h4"]);
  },
);
