import type { ChangeId, HostId, ServiceId } from "@evenkeel/contracts/id";
import type { Platform } from "./platform.ts";
import { Shop, until } from "./shop.ts";

/** Why somebody passed over the rules. */
export const OUTAGE = "an outage";

/** Something has failed, something waits for approval, and something that passed over the rules waits for a confirmation. */
export async function fillPages(platform: Platform, shop: Shop): Promise<void> {
  const { client } = platform;
  const strategy = { budget: { failures: 0, action: "stop" }, healthyDeadlineSeconds: 2 };
  const kept = await new Shop(platform, "kept").start({ version: "1.0.0", health: 500, strategy });
  await until(platform, kept, ({ state }) => state === "failed");
  await client.setApprovalRule({ params: { rule: "four-eyes" }, body: { principals: ["bob"], count: 1 } });
  const awaited = await new Shop(platform, "awaited").plan({ version: "1.0.0" });
  await client.startChange({ params: { changeId: awaited.id }, body: {} });
  const criterion = { kind: "succeeded-in", workspace: "local" } as const;
  await client.setAdmissionRule({ params: { rule: "tried" }, body: { criterion, waivedInEmergency: true } });
  const change = await shop.plan({ version: "7.0.0", strategy: { beta: 1, confirm: "first" } });
  await client.startChange({ params: { changeId: change.id }, body: { emergency: true, reason: OUTAGE } });
  await until(platform, change, ({ state }) => state === "awaiting-confirmation");
}

export interface PagesOf {
  /** One that has ended, and one that waits for a person. */
  readonly changes: { readonly ended: ChangeId; readonly waiting: ChangeId };
  readonly service: ServiceId;
  readonly host: HostId;
}

/** The pages of changes, services, hosts and rules, by the names of their pictures. */
export function consolePages({ changes: { ended, waiting }, service, host }: PagesOf): Record<string, string> {
  const ofWorkspace = ["changes", "services", "hosts", "topology", "routes", "gateways", "release"];
  const ofAll = ["applications", "packages", "buildpacks", "windows", "locks", "audit", "tokens", "doctor", "settings"];
  const operations = ["restart", "offline", "online", "scale"];
  return {
    ...{ home: "/w/local", admissions: "/admissions", reviews: "/reviews", approvals: "/approvals?of=all" },
    ...Object.fromEntries(ofWorkspace.map((name) => [name, `/w/local/${name}`])),
    ...Object.fromEntries(ofAll.map((name) => [name, `/${name}`])),
    ...{ change: `/changes/${ended}`, plan: `/changes/${ended}?view=plan`, waiting: `/changes/${waiting}` },
    ...{ service: `/services/${service}`, log: `/services/${service}?view=log`, host: `/hosts/${host}` },
    ...Object.fromEntries(operations.map((name) => [name, `/services/${service}/operate?operation=${name}`])),
    "diagnosis-change": `/changes/${waiting}/diagnosis`,
    "diagnosis-service": `/services/${service}/diagnosis`,
    "diagnosis-host": `/hosts/${host}/diagnosis`,
  };
}
