import { HostId, newId, RevisionId, ServiceId } from "@evenkeel/contracts/id";
import { instanceKey } from "@evenkeel/contracts/route-table";
import { describe, expect, test } from "vitest";
import { adopt, type ReturnedInstance, type ReturnedSlot } from "./adopt.ts";

const serviceId = newId(ServiceId, "svc");
const hostId = newId(HostId, "host");
const revisionId = newId(RevisionId, "rev");
type Letter = ReturnedInstance["letter"];

const instance = (letter: Letter, over: Partial<ReturnedInstance> = {}): ReturnedInstance => ({
  ...{ letter, revisionId, version: "1.0.0", address: "127.0.0.1", port: 20_000 },
  ...{ state: "healthy", known: false },
  ...over,
});
const upstream = (letter: Letter, over: Partial<ReturnedSlot["upstreams"][number]> = {}) => ({
  ...{ instance: instanceKey(serviceId, hostId, letter), serviceId, hostId, letter, revisionId, zone: "a" },
  ...{ version: "1.0.0", address: "127.0.0.1", port: 20_000, weight: 100, state: "attached" as const },
  ...over,
});
/** `put` as letter:version:port:weight. */
function adopted(slot: Partial<ReturnedSlot>): { put: string[]; remove: string[] } {
  const { put, remove } = adopt({
    ...{ serviceId, hostId, zone: "a", routed: true, instances: [], upstreams: [] },
    ...slot,
  });
  return {
    put: put.map(({ letter, version, port, weight }) => `${letter} ${version} ${port} ${weight}`),
    remove: remove.map((key) => key.slice(-1)),
  };
}

describe("what a host runs after a restore, and what the backup routes", () => {
  const nothing = { put: [], remove: [] };
  const cases: [string, Partial<ReturnedSlot>, ReturnType<typeof adopted>][] = [
    ["as it was, it stays", { instances: [instance("a")], upstreams: [upstream("a")] }, nothing],
    [
      "its successor in the other letter takes its place and its weight",
      {
        instances: [instance("a", { state: "stopped" }), instance("b", { version: "2.0.0", port: 20_001 })],
        upstreams: [upstream("a", { weight: 50 })],
      },
      { put: ["b 2.0.0 20001 50"], remove: ["a"] },
    ],
    [
      "a successor that was only introduced by the backup serves since",
      {
        instances: [instance("b", { version: "2.0.0", known: true })],
        upstreams: [upstream("a"), upstream("b", { weight: 0 })],
      },
      { put: ["b 2.0.0 20000 100"], remove: ["a"] },
    ],
    [
      "another revision or port in the same letter",
      {
        instances: [instance("a", { revisionId: newId(RevisionId, "rev"), version: "3.0.0", port: 20_002 })],
        upstreams: [upstream("a")],
      },
      { put: ["a 3.0.0 20002 100"], remove: [] },
    ],
    [
      "of two that live the backup's word stands",
      { instances: [instance("a"), instance("b", { version: "2.0.0" })], upstreams: [upstream("a")] },
      nothing,
    ],
    [
      "of two that live and are not routed nobody is guessed",
      { instances: [instance("a"), instance("b")], upstreams: [] },
      nothing,
    ],
    [
      "one that died stays as it is, and is judged by its health",
      { instances: [], upstreams: [upstream("a")] },
      nothing,
    ],
    [
      "what came to a new slot of a routed service serves",
      { instances: [instance("a")], upstreams: [] },
      { put: ["a 1.0.0 20000 100"], remove: [] },
    ],
    ["but not where no requests come", { instances: [instance("a")], upstreams: [], routed: false }, nothing],
    [
      "what the backup knows as out of traffic stays out",
      { instances: [instance("a", { known: true })], upstreams: [] },
      nothing,
    ],
    [
      "what drains by the backup goes on draining",
      { instances: [instance("a")], upstreams: [upstream("a", { state: "draining" })] },
      nothing,
    ],
    [
      "a crash loop takes nothing over",
      { instances: [instance("b", { state: "crash-loop" })], upstreams: [upstream("a")] },
      nothing,
    ],
  ];
  test.each(cases)("%s", (_, slot, expected) => expect(adopted(slot)).toEqual(expected));
});
