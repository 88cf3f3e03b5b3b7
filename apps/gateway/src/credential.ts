import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { PlatformError, ProblemDocument } from "@evenkeel/contracts/error";
import { JoinedGateway, type JoinGateway } from "@evenkeel/contracts/gateway-protocol";
import { readJson, writeDurableJson } from "@evenkeel/kit/durable-file";
import type { Log } from "@evenkeel/kit/log";
import { z } from "zod";

/** Who this gateway is to its control plane. */
export const Credential = z.strictObject(JoinedGateway.shape);
export type Credential = z.infer<typeof Credential>;

const JOIN_TIMEOUT_MS = 10_000;
const AGAIN_MS = 1000;

export interface JoinDeps {
  readonly home: string;
  readonly controlPlanes: readonly string[];
  readonly log: Log;
}

/** The credential of an earlier join, else one gained by joining; asks on until a control plane answers. */
export async function credentialOf(
  { home, controlPlanes, log }: JoinDeps,
  join_: JoinGateway | null,
): Promise<Credential> {
  const path = join(home, "credential.json");
  const known = await readJson(path, Credential);
  if (known !== null) return known;
  if (join_ === null) throw new PlatformError("JOIN_TOKEN_USED");
  for (let attempt = 0; ; attempt += 1) {
    const url = controlPlanes[attempt % controlPlanes.length] as string;
    const joined = await askToJoin(url, join_, log);
    if (joined !== null) {
      // killed here: the token is used and the credential lost; whoever starts this gateway makes another token
      await writeDurableJson(path, joined, 0o600);
      return joined;
    }
    await sleep(AGAIN_MS);
  }
}

/** Null when the control plane could not be asked. */
async function askToJoin(url: string, body: JoinGateway, log: Log): Promise<Credential | null> {
  try {
    const reply = await fetch(`${url}/api/v1/gateways/join`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(JOIN_TIMEOUT_MS),
    });
    const answer: unknown = await reply.json();
    if (reply.ok) return Credential.parse(answer);
    const problem = ProblemDocument.parse(answer);
    if (problem.retry === "never") throw new PlatformError(problem.code, problem.facts);
    log.warn({ url, code: problem.code }, "not joined yet");
  } catch (error) {
    if (error instanceof PlatformError) throw error;
    log.warn({ url, err: error }, "not joined yet");
  }
  return null;
}
