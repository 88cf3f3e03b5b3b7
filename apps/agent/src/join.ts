import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Journal } from "@evenkeel/agent-core/journal";
import { PlatformError } from "@evenkeel/contracts/error";
import { JoinedHost } from "@evenkeel/contracts/host";
import { readJson, writeDurableJson } from "@evenkeel/kit/durable-file";
import { bootId } from "@evenkeel/kit/process-identity";
import { z } from "zod";
import type { Config } from "./config.ts";

const RETRY_MS = 500;
const RETRY_MAX_MS = 5000;
const TIMEOUT_MS = 10_000;

type Joined = z.infer<typeof JoinedHost>;
const Refusal = z.looseObject({ code: z.string(), title: z.string() });

/** Who this host is to the control plane: read from its home, or got for the join token, which works once. */
export async function identify(config: Config, journal: Journal, warn: (text: string) => void): Promise<Joined> {
  const file = join(config.home, "credential.json");
  const known = await readJson(file, JoinedHost);
  if (known !== null) return known;
  const { joinToken } = config;
  if (joinToken === undefined)
    throw new PlatformError("INPUT_INVALID", { problem: "EVENKEEL_JOIN_TOKEN: needed until the host has joined" });
  const joined = await joinHost({ ...config, joinToken }, journal, warn);
  // killed here: the token is used and the credential lost; a person makes a new token
  await writeDurableJson(file, joined, 0o600);
  return joined;
}

async function joinHost(
  config: Config & { joinToken: string },
  { journalId }: Journal,
  warn: (text: string) => void,
): Promise<Joined> {
  const { name, address, zone, joinToken: token, controlPlanes } = config;
  const body = JSON.stringify({ token, name, address, zone, journalId, bootId: bootId() });
  for (let attempt = 0; ; attempt += 1) {
    const url = controlPlanes[attempt % controlPlanes.length] ?? "";
    try {
      const response = await fetch(`${url}/api/v1/hosts/join`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body,
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      if (response.ok) return JoinedHost.parse(await response.json());
      await refuseIfFinal(response);
      warn(`${url} answered ${response.status} to the join`);
    } catch (error) {
      if (error instanceof PlatformError) throw error;
      warn(`${url} could not be asked to join: ${(error as Error).message}`);
    }
    await sleep(Math.min(RETRY_MS * 2 ** attempt, RETRY_MAX_MS));
  }
}

async function refuseIfFinal(response: Response): Promise<void> {
  const problem = Refusal.safeParse(await response.json().catch(() => null));
  if (response.status >= 500 || response.status === 429) return;
  if (problem.success && problem.data.code === "JOIN_TOKEN_USED") throw new PlatformError("JOIN_TOKEN_USED");
  throw new PlatformError("INPUT_INVALID", {
    problem: problem.success ? problem.data.title : `answer ${response.status}`,
  });
}
