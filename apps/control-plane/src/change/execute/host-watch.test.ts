import type { HostId } from "@evenkeel/contracts/id";
import { beforeEach, expect, test } from "vitest";
import type { Snapshot } from "../snapshot.ts";
import { HostWatch } from "./host-watch.ts";

const HOST = "host_1" as HostId;
const SNAPSHOT = { plan: { targets: [{ hostId: HOST }] } } as unknown as Snapshot;

let nowMs: number;
let online: ReadonlySet<HostId>;
let watch: HostWatch;
beforeEach(() => {
  nowMs = 1_000_000;
  online = new Set();
  watch = new HostWatch({ online: async () => new Set(online) }, { monotonicMs: () => nowMs });
});

const lookAfter = async (ms: number): Promise<string> => {
  nowMs += ms;
  const { away, lost } = await watch.look(null as never, SNAPSHOT);
  return lost(HOST) ? "lost" : away(HOST) ? "away" : "there";
};

test("a host that is away for fifteen seconds under the eyes of a worker is lost, and there again when it comes", async () => {
  for (let second = 0; second < 15; second += 1) expect(await lookAfter(1000)).toBe("away");
  expect(await lookAfter(1000)).toBe("lost");
  online = new Set([HOST]);
  expect(await lookAfter(1000)).toBe("there");
  online = new Set();
  expect(await lookAfter(1000)).toBe("away");
});

test("a worker that stood still, or whose database did, does not count that time: no agent could come back meanwhile", async () => {
  expect(await lookAfter(1000)).toBe("away");
  expect(await lookAfter(9000)).toBe("away");
  expect(await lookAfter(9000)).toBe("away");
  expect(await lookAfter(1000)).toBe("away");
  for (let second = 0; second < 10; second += 1) await lookAfter(1000);
  expect(await lookAfter(1000)).toBe("lost");
});
