import { RELEASE_ORDER } from "@evenkeel/client/deployment";
import { ROUTE_CHANGE } from "@evenkeel/contracts/traffic-rule";
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

/** The pages of changes, services, hosts and rules, by the names of their pictures. */
export async function consolePages({ client }: Platform, shop: Shop): Promise<Record<string, string>> {
  const [ended] = (await client.listChanges({ query: { state: "rolled-back" } })).items;
  const [waiting] = (await client.listChanges({ query: { state: "awaiting-confirmation" } })).items;
  const [host] = (await client.listHosts({ query: {} })).items;
  if (!ended || !waiting || !host) throw new Error("a page has nothing to show");
  const service = await shop.service();
  const ofWorkspace = ["changes", "services", "hosts", "topology", "routes", "gateways", "release"];
  const ofAll = ["applications", "packages", "buildpacks", "windows", "locks", "audit", "tokens", "doctor", "settings"];
  const operations = ["restart", "offline", "online", "scale"];
  return {
    ...{ home: "/w/local", admissions: "/admissions", reviews: "/reviews", approvals: "/approvals?of=all" },
    ...Object.fromEntries(ofWorkspace.map((name) => [name, `/w/local/${name}`])),
    ...Object.fromEntries(ofAll.map((name) => [name, `/${name}`])),
    ...{ change: `/changes/${ended.id}`, plan: `/changes/${ended.id}?view=plan`, waiting: `/changes/${waiting.id}` },
    ...{ service: `/services/${service.id}`, log: `/services/${service.id}?view=log`, host: `/hosts/${host.id}` },
    ...Object.fromEntries(operations.map((name) => [name, `/services/${service.id}/operate?operation=${name}`])),
    "diagnosis-change": `/changes/${waiting.id}/diagnosis`,
    "diagnosis-service": `/services/${service.id}/diagnosis`,
    "diagnosis-host": `/hosts/${host.id}/diagnosis`,
  };
}

/** Two cells with two hosts each; the newer version stands in the one that nobody is sent to. */
export async function twoCells(platform: Platform, shop: Shop, files: Readonly<Record<string, string>>): Promise<void> {
  const { client } = platform;
  const carryOut = async (kind: string, spec: object): Promise<void> => {
    const change = await client.createChange({ body: { kind, spec, start: {} } });
    await until(platform, change, ({ state }) => state === "succeeded");
  };
  const { zones } = await client.getWorkspace({ params: { workspace: "local" } });
  const cell = { workspace: "local", zones } as const;
  await client.createCell({ body: { ...cell, name: "green", colour: "green" } });
  await client.createCell({ body: { ...cell, name: "blue", colour: "blue", failOver: "green" } });
  await carryOut(RELEASE_ORDER, await shop.specOf({ version: "1.0.0", files }));
  const hosts = [1, 2, 3, 4].map((number) => ({ host: `local-${number}`, cell: number < 3 ? "blue" : "green" }));
  const cells = [
    { cell: "blue", weight: 100 },
    { cell: "green", weight: 0 },
  ];
  await carryOut(ROUTE_CHANGE, { hosts, cells, userKey: [{ header: "x-user" }] });
  await carryOut(RELEASE_ORDER, { ...(await shop.specOf({ version: "2.0.0", files })), hosts: { cells: ["green"] } });
}
