import { randomBytes } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Client, createClient } from "@evenkeel/client/client";
import { ensureApplication, RELEASE_ORDER, releaseOf } from "@evenkeel/client/deployment";
import { fileSource } from "@evenkeel/client/node/file-source";
import { uploadPackage } from "@evenkeel/client/upload";
import type { Change } from "@evenkeel/contracts/change";
import { Manifest } from "@evenkeel/contracts/service";
import { startPostgres } from "@evenkeel/postgres/launcher";
import { makeRunFolder } from "@evenkeel/postgres/run-folder";
import type { Bench } from "./benchmark.ts";
import { type Child, freePort, startChild } from "./child.ts";
import type { Machine } from "./machines.ts";
import type { Peer, Place, Release } from "./peers.ts";

const WORKSPACE = "peers";
const PORT = 8081;
const APPS = join(import.meta.dirname, "../apps");
const ONLINE_MS = 120_000;

/** A control plane on this machine, and an agent on each of the others. */
export async function evenkeel(bench: Bench, { folder, machines }: Place): Promise<Peer> {
  const token = randomBytes(24).toString("base64url");
  const controlPlane = await startControlPlane(bench, { folder, address: machines.address, token });
  const url = `http://${machines.address}:${controlPlane.port}`;
  const client = createClient({ url, token });
  await serving(url);
  await client.createWorkspace({ body: { name: WORKSPACE, region: "local", zones: ["a"] } });
  for (const machine of machines.all) await startAgent(client, machine, url);
  await allOnline(client, machines.all.length);
  return {
    name: "evenkeel",
    port: PORT,
    release: async (release) => await releaseBy(client, release, machines.all.length),
    // Its agents go with their machines.
    end: async () => await controlPlane.stop(),
  };
}

async function startControlPlane(
  { defer }: Bench,
  { folder, address, token }: { readonly folder: string; readonly address: string; readonly token: string },
): Promise<Child> {
  const home = join(folder, "control-plane");
  await mkdir(home, { mode: 0o700 });
  const runDir = await makeRunFolder(home);
  const server = await startPostgres({ dataDir: join(home, "postgres"), runDir });
  defer(() => server.stop());
  await writeFile(join(home, "token"), token, { mode: 0o600 });
  const port = await freePort();
  const child = await startChild({
    command: process.execPath,
    args: [join(APPS, "control-plane/src/main.ts")],
    host: address,
    port,
    env: {
      EVENKEEL_PORT: String(port),
      EVENKEEL_LISTEN_HOST: address,
      DATABASE_URL: server.url,
      EVENKEEL_OBJECTS: join(home, "objects"),
      EVENKEEL_BOOTSTRAP_TOKEN_FILE: join(home, "token"),
    },
  });
  defer(() => child.stop());
  return child;
}

async function serving(url: string): Promise<void> {
  const untilMs = performance.now() + ONLINE_MS;
  while (!(await fetch(`${url}/api/v1/health`)).ok) {
    if (performance.now() > untilMs) throw new Error("the control plane does not serve");
    await sleep(50);
  }
}

async function startAgent(client: Client, machine: Machine, url: string): Promise<void> {
  const { token } = await client.createJoinToken({ body: { workspace: WORKSPACE, zone: "a" } });
  machine.start([process.execPath, join(APPS, "agent/src/main.ts")], {
    EVENKEEL_AGENT_HOME: "/var/lib/evenkeel",
    EVENKEEL_AGENT_NAME: machine.name,
    EVENKEEL_AGENT_ZONE: "a",
    EVENKEEL_AGENT_ADDRESS: machine.address,
    EVENKEEL_CONTROL_PLANES: url,
    EVENKEEL_JOIN_TOKEN: token,
  });
}

async function allOnline(client: Client, count: number): Promise<void> {
  const untilMs = performance.now() + ONLINE_MS;
  for (;;) {
    const { items } = await client.listHosts({ query: { workspace: WORKSPACE, limit: 200 } });
    const online = items.filter(({ state }) => state === "online").length;
    if (online === count) return;
    if (performance.now() > untilMs) throw new Error(`only ${online} of ${count} agents are online`);
    await sleep(200);
  }
}

async function releaseBy(
  client: Client,
  { version, archive }: Release,
  hosts: number,
): Promise<Record<string, number>> {
  const beganAt = performance.now();
  await ensureApplication(client, "peers");
  const { digest } = await uploadPackage(client, { application: "peers", version, source: await fileSource(archive) });
  const uploadedAt = performance.now();
  const manifest = Manifest.parse({
    ...{ application: "peers", workspace: WORKSPACE, version, buildpack: "process" },
    ...{ start: `${process.execPath} server.mjs`, port: PORT },
    health: { path: "/", startSeconds: 60, intervalSeconds: 0.2 },
    strategy: { batches: "all", minimumHealthySeconds: 0, stageAtOnce: hosts },
  });
  const body = { kind: RELEASE_ORDER, spec: releaseOf(manifest, { version, digest }) };
  const { id: changeId } = await client.createChange({ body });
  await client.startChange({ params: { changeId }, body: {} });
  const startedAt = performance.now();
  for await (const { type, data } of client.watchChange(changeId)) if (type === "change" && data.to === "failed") break;
  const endedAt = performance.now();
  const change = await client.getChange({ params: { changeId } });
  if (change.state !== "succeeded")
    throw new Error(`the release is ${change.state}: ${JSON.stringify(change.problem)}`);
  return {
    upload: uploadedAt - beganAt,
    "plan and start": startedAt - uploadedAt,
    ...stepsOf(change),
    "whole change": endedAt - startedAt,
  };
}

/** From the first start to the last end of each step, over all machines. */
function stepsOf({ groups }: Change): Record<string, number> {
  const steps = groups.flatMap(({ batches }) => batches.flatMap(({ targets }) => targets.flatMap((one) => one.steps)));
  const spans = new Map<string, { from: number; to: number }>();
  for (const { name, startedAt, finishedAt } of steps) {
    if (startedAt === null || finishedAt === null) continue;
    const known = spans.get(name) ?? { from: Number.POSITIVE_INFINITY, to: 0 };
    const from = Math.min(known.from, Date.parse(startedAt));
    spans.set(name, { from, to: Math.max(known.to, Date.parse(finishedAt)) });
  }
  return Object.fromEntries([...spans].map(([name, { from, to }]) => [`all of ${name}`, to - from]));
}
