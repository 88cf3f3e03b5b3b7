/**
 * Decides whether an agent that says hello is the one of its host.
 * 1. A connection is in force only by `take`, which compares the connection epoch that was read: of two at once, one reads again.
 * 2. A live connection is superseded only after it left a challenge unanswered; two that answer are two agents.
 * 3. A journal that is another, or older than what was acknowledged, cannot know what its host has done.
 */
import type { AgentMessage } from "@evenkeel/contracts/agent-protocol";
import { type Problem, problemOf } from "@evenkeel/contracts/error";
import type { HostId, ReplicaId } from "@evenkeel/contracts/id";
import type { Kysely } from "kysely";
import type { Database } from "../database.ts";
import type { Challenges } from "./challenge.ts";
import type { Desk } from "./desk.ts";
import { type Connection, type KnownHost, setAside } from "./store/index.ts";

export type Hello = Extract<AgentMessage, { kind: "hello" }>;

export type Admission =
  | { readonly kind: "admitted"; readonly host: KnownHost; readonly connection: Connection }
  | { readonly kind: "set-aside"; readonly state: "journal-lost" | "duplicate"; readonly problem: Problem }
  | { readonly kind: "refused"; readonly why: string };

export interface AdmissionDeps {
  readonly db: Kysely<Database>;
  readonly desk: Desk;
  readonly challenges: Challenges;
  readonly replicaId: ReplicaId;
}

const ATTEMPTS = 5;

export async function admitAgent(deps: AdmissionDeps, hostId: HostId, hello: Hello): Promise<Admission> {
  if (hello.hostId !== hostId)
    return { kind: "refused", why: `the credential is of ${hostId}, not of ${hello.hostId}` };
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    const host = await deps.desk.host(hostId);
    if (host === null) return { kind: "refused", why: "the host was removed" };
    if (hello.epoch > host.epoch) return { kind: "refused", why: `it belongs to generation ${hello.epoch}` };
    const admission = await consider(deps, host, hello);
    if (admission !== null) return admission;
  }
  return { kind: "refused", why: "other connections of this host kept coming first" };
}

/** Null: something moved meanwhile, look again. */
async function consider(deps: AdmissionDeps, host: KnownHost, hello: Hello): Promise<Admission | null> {
  if (host.setAside !== null) {
    const problem = host.setAsideProblem ?? problemOf("JOURNAL_LOST", { host: host.name });
    return { kind: "set-aside", state: host.setAside, problem };
  }
  const { hostId, connectionEpoch, replicaId } = host;
  if (replicaId !== null && (await deps.challenges.ask({ hostId, connectionEpoch, replicaId }))) {
    return await putAside(deps, host, "duplicate");
  }
  if (isLost(host, hello)) return await putAside(deps, host, "journal-lost");
  const connection = await deps.desk.take({ host, replicaId: deps.replicaId, ...hello });
  return connection === null ? null : { kind: "admitted", host, connection };
}

const isLost = (host: KnownHost, hello: Hello): boolean =>
  host.journalId !== null && (hello.journalId !== host.journalId || hello.lastSequence < host.journalSequence);

async function putAside(
  { db }: AdmissionDeps,
  host: KnownHost,
  state: "journal-lost" | "duplicate",
): Promise<Admission> {
  const problem = problemOf(state === "duplicate" ? "DUPLICATE_AGENT" : "JOURNAL_LOST", { host: host.name });
  await setAside(db, host.hostId, { state, problem });
  return { kind: "set-aside", state, problem };
}
