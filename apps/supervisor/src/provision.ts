import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { type Client, createClient } from "@evenkeel/client/client";
import { PlatformError } from "@evenkeel/contracts/error";
import { readTextIfThere, writeDurable } from "@evenkeel/kit/durable-file";
import type { Home } from "./home.ts";
import { WORKSPACE, ZONES } from "./parts.ts";

/** The first administrator's token: made before the first control plane, which stores its digest. */
export async function ensureToken(home: Home): Promise<string> {
  return await ensureSecret(home.tokenFile);
}

/** The key that seals what is secret in the database: made before the first control plane, and never another one. */
export async function ensureSecretKey(home: Home): Promise<void> {
  await ensureSecret(home.secretKeyFile);
}

async function ensureSecret(file: string): Promise<string> {
  const there = (await readTextIfThere(file))?.trim();
  if (there !== undefined && there !== "") return there;
  const secret = randomBytes(32).toString("base64url");
  await writeDurable(file, `${secret}\n`, 0o600);
  return secret;
}

/** Waits until `answers` is true; `check` throws what makes further waiting useless. */
export async function waitFor(what: string, { answers, check, ms }: WaitFor): Promise<void> {
  const until = performance.now() + ms;
  while (!(await answers())) {
    check();
    if (performance.now() > until) throw new PlatformError("UNAVAILABLE", { what });
    await sleep(50);
  }
}

interface WaitFor {
  answers(): Promise<boolean>;
  check(): void;
  readonly ms: number;
}

/** True when the control plane at this address is ready. */
export async function isHealthy(url: string): Promise<boolean> {
  const answer = await fetch(`${url}/api/v1/health`, { signal: AbortSignal.timeout(2000) }).catch(() => null);
  return answer?.ok === true;
}

/** True while a killed control plane's lease runs on: for these seconds what was connected to it still counts as online. */
export async function killedReplicasCount(client: Client, controlPlanes: readonly string[]): Promise<boolean> {
  const living = await Promise.all(controlPlanes.map(readReplicaId));
  const { replicas } = await client.getDoctor();
  // `<id> <url> <version>`
  const counted = replicas.map((text) => text.split(" "));
  return counted.some(([id = "", url = ""]) => controlPlanes.includes(url) && !living.includes(id));
}

async function readReplicaId(url: string): Promise<string> {
  return (await createClient({ url }).getHealth()).replicaId;
}

/** Makes the workspace of this machine unless it is there. */
export async function ensureWorkspace(client: Client): Promise<void> {
  try {
    await client.getWorkspace({ params: { workspace: WORKSPACE } });
  } catch (error) {
    if (!(error instanceof PlatformError) || error.code !== "NOT_FOUND") throw error;
    await client.createWorkspace({ body: { name: WORKSPACE, zones: ZONES } }).catch(ignoreExisting);
    // killed here: the control plane may still be making it while the next start looks, who is then told that it exists
  }
}

function ignoreExisting(error: unknown): void {
  if (!(error instanceof PlatformError) || error.code !== "ALREADY_EXISTS") throw error;
}

/** Makes a join token for a host of this zone, or for a gateway. */
export async function invite(client: Client, what: { zone: string } | "gateway"): Promise<string> {
  const body = what === "gateway" ? { for: "gateway" as const } : { for: "host" as const, zone: what.zone };
  return (await client.createJoinToken({ body: { workspace: WORKSPACE, ...body } })).token;
}

/** The client that the supervisor works with: an ordinary one, with the administrator's token. */
export function administrator(controlPlanes: readonly string[], token: string): Client {
  return createClient({ url: controlPlanes, token });
}
