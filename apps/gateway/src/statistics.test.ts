import { InstanceStatistics, LATENCY_BOUNDS_MS } from "@evenkeel/contracts/gateway-protocol";
import { HostId, newId, ServiceId } from "@evenkeel/contracts/id";
import { instanceKey } from "@evenkeel/contracts/route-table";
import { expect, test } from "vitest";
import { bucketOf, Counter } from "./statistics.ts";

const serviceId = newId(ServiceId, "svc");
const instance = instanceKey(serviceId, newId(HostId, "host"), "a");

test.each([
  [0, 0],
  [1, 0],
  [1.01, 1],
  [30_000, LATENCY_BOUNDS_MS.length - 1],
  [30_001, LATENCY_BOUNDS_MS.length],
])("a latency of %d ms is counted in bucket %d", (latencyMs, bucket) => {
  expect(bucketOf(latencyMs)).toBe(bucket);
});

test("each ending is counted once, and asking again begins anew", () => {
  const counter = new Counter(serviceId, instance, "1.0.0");
  for (const status of [200, 204, 301, 404, 500, 503, 599]) counter.ended({ kind: "answered", status }, 2);
  for (const kind of ["connect-error", "unavailable", "cut", "client-abort"] as const) counter.ended({ kind }, 2);
  counter.retries += 1;
  const row = InstanceStatistics.parse(counter.take({ inFlight: 3, longLived: 1, connections: 7 }));
  expect(row).toMatchObject({ requests: 11, status2xx: 2, status3xx: 1, status4xx: 1, status5xx: 3 });
  expect(row).toMatchObject({ connectErrors: 1, unavailable: 1, cut: 1, clientAborts: 1, retries: 1 });
  expect(row).toMatchObject({ inFlight: 3, longLived: 1, queued: 0, connections: 7 });
  expect(row.latency.reduce((sum, count) => sum + count, 0)).toBe(7);
  expect(counter.take({ connections: 7 })).toBeNull();
  expect(counter.take({ inFlight: 1 })).toMatchObject({ requests: 0, inFlight: 1 });
  expect(counter.take({ queued: 1 })).toMatchObject({ requests: 0, queued: 1 });
});
