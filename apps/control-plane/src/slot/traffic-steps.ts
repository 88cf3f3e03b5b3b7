import type { Letter } from "@evenkeel/contracts/agent-protocol";
import { problemOf } from "@evenkeel/contracts/error";
import type { HostId, RevisionId, ServiceId } from "@evenkeel/contracts/id";
import { say } from "@evenkeel/contracts/phrase";
import { type InstanceKey, instanceKey } from "@evenkeel/contracts/route-table";
import type { ControlStep, Facts, Observation, StepContext } from "../change/index.ts";
import {
  confirmation,
  cutInstance,
  drainStatus,
  FULL_WEIGHT,
  type NewUpstream,
  putUpstreams,
  reachedStatus,
  upstreamsOf,
} from "../route/index.ts";
import { instancesOf } from "../service/index.ts";

interface Arrival {
  readonly serviceId: ServiceId;
  readonly hostId: HostId;
  readonly letter: Letter;
  readonly revisionId: RevisionId;
  readonly version: string;
  readonly zone: string;
  readonly address: string;
  readonly port: number;
}

const keyOf = ({ serviceId, hostId, letter }: Arrival): InstanceKey => instanceKey(serviceId, hostId, letter);
const upstreamOf = (arrival: Arrival, weight: number): NewUpstream => ({
  instance: keyOf(arrival),
  serviceId: arrival.serviceId,
  hostId: arrival.hostId,
  letter: arrival.letter,
  revisionId: arrival.revisionId,
  version: arrival.version,
  zone: arrival.zone,
  address: arrival.address,
  port: arrival.port,
  weight,
});

interface Departure {
  readonly serviceId: ServiceId;
  readonly hostId: HostId;
  readonly letters: readonly Letter[];
  readonly drainMs: number;
  readonly policy: "cut" | "extend" | "fail";
}

const keysOf = ({ serviceId, hostId, letters }: Pick<Departure, "serviceId" | "hostId" | "letters">) =>
  letters.map((letter) => instanceKey(serviceId, hostId, letter));

/** Every gateway of the workspace runs on the table: one that is away blocks, with its name. */
export async function confirmed({ tx, workspaceId }: StepContext, facts: Facts): Promise<Observation> {
  const state = await confirmation(tx, workspaceId, Number(facts.tableVersion));
  if (state.confirmed) return { kind: "done" };
  const [first] = state.away;
  const gateways = state.waitingFor;
  if (first === undefined) return { kind: "not-yet", waitingFor: say("wait.gateway", { gateways }) };
  const problem = problemOf("GATEWAY_AWAY", { gateway: state.away.join(", "), version: Number(facts.tableVersion) });
  const actions = state.away.map((name) => `gateway remove ${name}`);
  return {
    kind: "not-yet",
    waitingFor: say("wait.gateway-away", { gateways, others: state.away }),
    blockedBy: { kind: "gateway", problem, actions },
  };
}

/** The new instance is in the table without weight: each gateway proves that it reaches it before anything depends on it. */
const introduce: ControlStep = {
  type: "introduce",
  async run(input, { tx, tenantId, workspaceId }) {
    const upstream = upstreamOf(input as unknown as Arrival, 0);
    const { tableVersion } = await putUpstreams(tx, { tenantId, workspaceId, put: [upstream], drain: [], remove: [] });
    return { tableVersion };
  },
  async observe(input, context) {
    const arrived = await confirmed(context, context.facts);
    if (arrived.kind !== "done") return arrived;
    const instance = keyOf(input as unknown as Arrival);
    const { reached, problem } = await reachedStatus(context.tx, instance);
    if (reached) return { kind: "done" };
    if (problem === null) return { kind: "not-yet", waitingFor: say("wait.first-connection") };
    return { kind: "failed", problem: problemOf("NOT_SERVING", { instance, problem }) };
  },
};

/** One table version puts the new instance in and the old one out. */
const shiftTraffic: ControlStep = {
  type: "shift-traffic",
  async run(input, { tx, tenantId, workspaceId }) {
    const arrival = input as unknown as Arrival & { readonly drain: readonly Letter[] };
    const drain = keysOf({ ...arrival, letters: arrival.drain });
    const put = [upstreamOf(arrival, FULL_WEIGHT)];
    const { tableVersion } = await putUpstreams(tx, { tenantId, workspaceId, put, drain, remove: [] });
    return { tableVersion };
  },
  observe: async (_input, context) => await confirmed(context, context.facts),
};

/** Out of the routes: no new requests. */
const detach: ControlStep = {
  type: "detach",
  async run(input, { tx, tenantId, workspaceId }) {
    const drain = keysOf(input as unknown as Departure);
    const { tableVersion } = await putUpstreams(tx, { tenantId, workspaceId, put: [], drain, remove: [] });
    return { tableVersion };
  },
  observe: async (_input, context) => await confirmed(context, context.facts),
};

/** Until what is in flight has ended; at the deadline the service's policy decides. */
const awaitDrained: ControlStep = {
  type: "await-drained",
  run: async () => ({}),
  async observe(input, context) {
    const departure = input as unknown as Departure;
    const keys = keysOf(departure);
    const left = await inFlight(context, keys);
    if (left.known && left.inFlight + left.longLived === 0) return await takeOut(context, keys, { cut: false });
    const { drainMs, policy } = departure;
    const limitMs = policy === "extend" ? 2 * drainMs : drainMs;
    if (context.elapsedMs < limitMs) {
      const counted = left.known
        ? say("wait.requests", { requests: left.inFlight, connections: left.longLived })
        : say("wait.count");
      return { kind: "not-yet", waitingFor: counted };
    }
    if (policy === "cut") return await takeOut(context, keys, { cut: true });
    const facts = { inFlight: left.inFlight + left.longLived, seconds: limitMs / 1000 };
    return { kind: "failed", problem: problemOf("DRAIN_TIMEOUT", facts) };
  },
};

async function inFlight({ tx }: StepContext, keys: readonly InstanceKey[]) {
  const counts = { known: true, inFlight: 0, longLived: 0 };
  for (const key of keys) {
    const status = await drainStatus(tx, key);
    counts.known &&= status.known;
    counts.inFlight += status.inFlight;
    counts.longLived += status.longLived;
  }
  return counts;
}

async function takeOut(
  { tx, tenantId, workspaceId }: StepContext,
  keys: readonly InstanceKey[],
  { cut }: { readonly cut: boolean },
): Promise<Observation> {
  if (cut) for (const key of keys) await cutInstance(tx, key);
  else await putUpstreams(tx, { tenantId, workspaceId, put: [], drain: [], remove: keys });
  return { kind: "done", facts: { cut } };
}

/** Gives traffic back to what runs there and is healthy; nothing goes back that has not been seen so. With `waits` it is waited for. */
const reattach: ControlStep = {
  type: "re-attach",
  run: async (input, context) => await giveBack(input, context),
  async observe(input, context) {
    if (context.facts.attached !== null) return await confirmed(context, context.facts);
    if (input.waits !== true || (await giveBack(input, context)).attached !== null) return { kind: "done" };
    return { kind: "not-yet", waitingFor: say("wait.instance") };
  },
};

async function giveBack(input: Facts, { tx, tenantId, workspaceId }: StepContext): Promise<Facts> {
  const { serviceId, hostId } = input as unknown as Departure;
  const healthy = (await instancesOf(tx, serviceId)).filter(
    (instance) => instance.hostId === hostId && instance.state === "healthy",
  );
  const known = (await upstreamsOf(tx, serviceId)).filter((one) => one.hostId === hostId && one.weight > 0);
  const serving = known.filter(({ state }) => state === "attached");
  const among = (some: typeof known) => healthy.find(({ letter }) => some.some((one) => one.letter === letter));
  // Who takes traffic keeps it, else who took some before; a new instance that never did stays out as long as the old one lives.
  const back = among(serving) ?? among(known) ?? healthy[0];
  if (back === undefined) return { attached: null };
  const put = [upstreamOf({ ...back, version: back.packageVersion }, FULL_WEIGHT)];
  // Two that serve would leave the next release no place.
  const drain = serving.filter(({ letter }) => letter !== back.letter).map(({ instance }) => instance);
  const { tableVersion } = await putUpstreams(tx, { tenantId, workspaceId, put, drain, remove: [] });
  return { attached: back.letter, tableVersion };
}

/** How the traffic of a slot is moved. */
export const trafficSteps: readonly ControlStep[] = [introduce, shiftTraffic, detach, awaitDrained, reattach];
