import { EXIT_POINTS } from "@evenkeel/agent-core/exit-point";
import type { RunCommand } from "@evenkeel/agent-core/slot";
import type { AgentMessage, AgentOrder, Command } from "@evenkeel/contracts/agent-protocol";
import { ChangeId, CommandId, HostId, newId, ServiceId, StepId } from "@evenkeel/contracts/id";
import { expect, test } from "vitest";
import { createFakeAgent, type FakeAgent, type FakeLink } from "./fake-agent.ts";

const hostId = newId(HostId, "host");
const slot = newId(ServiceId, "svc");

function noOp(fields: Partial<Command> = {}): Command {
  return {
    commandId: newId(CommandId, "cmd"),
    changeId: newId(ChangeId, "chg"),
    stepId: newId(StepId, "stp"),
    attempt: 1,
    slot,
    fence: { epoch: 1, token: 5 },
    type: "no-op",
    input: {},
    deadlineMs: 10_000,
    ...fields,
  };
}

function welcome(fields: Partial<Extract<AgentOrder, { kind: "welcome" }>> = {}): AgentOrder {
  const serverAt = new Date().toISOString();
  return { kind: "welcome", connectionEpoch: 1, epoch: 1, serverAt, resume: [], void: [], acknowledged: [], ...fields };
}

const succeed: RunCommand = async () => ({ kind: "succeeded", facts: {}, elapsedMs: 0 });

function next<Kind extends AgentMessage["kind"]>(link: FakeLink, kind: Kind) {
  return new Promise<Extract<AgentMessage, { kind: Kind }>>((resolve) => {
    link.onMessage((message) => {
      if (message.kind === kind) resolve(message as Extract<AgentMessage, { kind: Kind }>);
    });
  });
}

function outcomesOf(link: FakeLink) {
  return link.messages.filter((message) => message.kind === "outcome");
}

test("changes of instances that come together are told once, and before the outcome of the command that made them", async () => {
  const run: RunCommand = async (command, context) => {
    agent.reportInstances();
    agent.reportInstances();
    return await succeed(command, context);
  };
  const agent = createFakeAgent({ hostId, run });
  const link = agent.connect();
  link.send(welcome());
  link.send({ kind: "command", command: noOp() });
  await next(link, "outcome");
  expect(link.messages.map(({ kind }) => kind)).toEqual(["hello", "started", "instances", "outcome"]);
  agent.reportInstances();
  await next(link, "instances");
});

/** Succeeds with each command, and remembers which it has run. */
function recording(): { readonly seen: CommandId[]; readonly run: RunCommand } {
  const seen: CommandId[] = [];
  return {
    seen,
    run: async (command, context) => {
      seen.push(command.commandId);
      return succeed(command, context);
    },
  };
}

test("a repeated command runs once and is answered with the recorded outcome", async () => {
  let runs = 0;
  const run: RunCommand = async (command, context) => {
    runs += 1;
    return succeed(command, context);
  };
  const agent = createFakeAgent({ hostId, run });
  const link = agent.connect();
  link.send(welcome());
  const command = noOp();
  link.send({ kind: "command", command });
  link.send({ kind: "command", command });
  await next(link, "outcome");
  link.send({ kind: "command", command });
  await expect.poll(() => outcomesOf(link)).toHaveLength(2);
  expect(runs).toBe(1);
});

test("a command with an older fence than its slot has seen is refused, and does nothing", async () => {
  const { seen, run } = recording();
  const agent = createFakeAgent({ hostId, run });
  const link = agent.connect();
  link.send(welcome());
  const fresh = noOp();
  link.send({ kind: "command", command: fresh });
  await next(link, "outcome");
  const stale = noOp({ fence: { epoch: 1, token: 4 } });
  const staleOfHost = noOp({ slot: null, fence: { epoch: 0, token: 99 } });
  for (const command of [stale, staleOfHost]) link.send({ kind: "command", command });
  await expect.poll(() => outcomesOf(link)).toHaveLength(3);
  expect(seen).toEqual([fresh.commandId]);
  const refused = outcomesOf(link).slice(1);
  expect(refused.map(({ commandId, outcome }) => [commandId, outcome.kind])).toEqual([
    [stale.commandId, "refused"],
    [staleOfHost.commandId, "interrupted"],
  ]);
  const otherSlot = noOp({ slot: newId(ServiceId, "svc"), fence: { epoch: 1, token: 1 } });
  link.send({ kind: "command", command: otherSlot });
  await expect.poll(() => seen).toContain(otherSlot.commandId);
});

test("a command that had not started when the link was lost starts only after a welcome resumed it", async () => {
  const started: CommandId[] = [];
  const gate = Promise.withResolvers<void>();
  const run: RunCommand = async (command, context) => {
    started.push(command.commandId);
    await gate.promise;
    return succeed(command, context);
  };
  const agent = createFakeAgent({ hostId, run });
  const [first, second, third] = [noOp(), noOp(), noOp()];
  const before = agent.connect();
  before.send(welcome());
  for (const command of [first, second, third]) before.send({ kind: "command", command });
  await expect.poll(() => started).toEqual([first.commandId]);
  before.close();
  gate.resolve();
  await expect.poll(() => agent.journal.find(first.commandId)?.state).toBe("ended");
  expect(started).toEqual([first.commandId]);

  const after = agent.connect();
  const { open } = await next(after, "hello");
  expect(open.map(({ state }) => state)).toEqual(["ended", "received", "received"]);
  after.send(welcome({ resume: [third.commandId], void: [second.commandId] }));
  await expect.poll(() => agent.journal.find(third.commandId)?.state).toBe("ended");
  expect(started).toEqual([first.commandId, third.commandId]);
  expect(agent.journal.find(second.commandId)?.state).toBe("void");
});

test("commands of one slot run one after another, those of another slot beside them", async () => {
  const gates = new Map<string, PromiseWithResolvers<void>>();
  const run: RunCommand = async (command, context) => {
    const gate = Promise.withResolvers<void>();
    gates.set(command.commandId, gate);
    await gate.promise;
    return succeed(command, context);
  };
  const agent = createFakeAgent({ hostId, run });
  const link = agent.connect();
  link.send(welcome());
  const [one, two] = [noOp(), noOp()];
  const beside = noOp({ slot: newId(ServiceId, "svc") });
  for (const command of [one, two, beside]) link.send({ kind: "command", command });
  await expect.poll(() => gates.has(beside.commandId)).toBe(true);
  expect(gates.has(two.commandId)).toBe(false);
  gates.get(one.commandId)?.resolve();
  await expect.poll(() => gates.has(two.commandId)).toBe(true);
});

test("a revoked command never starts, not even when it arrives afterwards", async () => {
  const agent = createFakeAgent({ hostId, run: succeed });
  const link = agent.connect();
  link.send(welcome());
  const command = noOp();
  link.send({ kind: "revoke", commandId: command.commandId });
  link.send({ kind: "command", command });
  const revoked = { kind: "revoked", commandId: command.commandId, revoked: true };
  await expect.poll(() => link.messages.filter(({ kind }) => kind === "revoked")).toEqual([revoked, revoked]);
  const other = noOp();
  link.send({ kind: "command", command: other });
  await next(link, "outcome");
  link.send({ kind: "revoke", commandId: other.commandId });
  expect(link.messages.at(-1)).toEqual({ kind: "revoked", commandId: other.commandId, revoked: false });
});

test("orders of one turn are obeyed in the order they came: a command that is called back in the same breath never starts", async () => {
  const { seen, run } = recording();
  const agent = createFakeAgent({ hostId, run });
  const link = agent.connect();
  link.send(welcome());
  const [back, stays] = [noOp(), noOp()];
  for (const command of [back, stays]) link.send({ kind: "command", command });
  link.send({ kind: "revoke", commandId: back.commandId });
  await next(link, "outcome");
  expect(seen).toEqual([stays.commandId]);
  expect(agent.journal.find(back.commandId)?.state).toBe("revoked");
});

test("a command that fails or throws keeps neither its slot nor the agent", async () => {
  const run: RunCommand = async (command, context) => {
    if (command.attempt === 1) throw new Error("a fault of ours");
    return succeed(command, context);
  };
  const agent = createFakeAgent({ hostId, run });
  const link = agent.connect();
  link.send(welcome());
  link.send({ kind: "nonsense" } as unknown as AgentOrder);
  for (const attempt of [1, 2]) link.send({ kind: "command", command: noOp({ attempt }) });
  await expect.poll(() => outcomesOf(link).map(({ outcome }) => outcome.kind)).toEqual(["failed", "succeeded"]);
});

test("a control plane that sends without end fills no memory: what is too much is refused", async () => {
  const agent = createFakeAgent({ hostId, run: () => new Promise(() => undefined) });
  const link = agent.connect();
  link.send(welcome());
  for (let count = 0; count < 1100; count += 1) link.send({ kind: "command", command: noOp() });
  await expect.poll(() => outcomesOf(link)).toHaveLength(99);
  expect(outcomesOf(link)[0]?.outcome).toMatchObject({ kind: "refused", problem: { code: "UNAVAILABLE" } });
});

/** Plays the control plane until the command's outcome is acknowledged, and counts what came. */
async function deliver(agent: FakeAgent, command: Command): Promise<string | undefined> {
  const link = agent.connect();
  const { open } = await next(link, "hello");
  link.send(welcome({ resume: open.map(({ commandId }) => commandId) }));
  if (open.length === 0) link.send({ kind: "command", command });
  const outcome = await Promise.race([next(link, "outcome"), agent.ended]);
  if (outcome === undefined) return undefined;
  link.send({ kind: "acknowledge", commandId: command.commandId });
  await Promise.race([agent.ended, new Promise(setImmediate)]);
  link.close();
  return outcome.outcome.kind;
}

const WITH_SPAWN = new Set(["before-spawn", "after-spawn"]);

test.each(EXIT_POINTS.filter((point) => !WITH_SPAWN.has(point)))(
  "an agent that ends at %s is followed by one that ends the command with one effect",
  async (point) => {
    const effects = new Set<CommandId>();
    let runs = 0;
    // As every command of the real agent: what an earlier run of the same command did is found, not done again.
    const run: RunCommand = async (command, context) => {
      if (!effects.has(command.commandId)) runs += 1;
      else expect(context.resumed).toBe(true);
      effects.add(command.commandId);
      return succeed(command, context);
    };
    const command = noOp();
    const first = createFakeAgent({ hostId, run });
    first.stopAt(point);
    await deliver(first, command);
    await first.ended;
    const second = createFakeAgent({ hostId, run, journal: first.journal });
    if (!first.journal.find(command.commandId)?.acknowledged) expect(await deliver(second, command)).toBe("succeeded");
    expect(runs).toBe(1);
    expect(first.journal.find(command.commandId)).toMatchObject({ state: "ended", acknowledged: true });
  },
);

test("after a restore, a command of the generation before it that the host does not know is interrupted and never run", async () => {
  let runs = 0;
  const agent = createFakeAgent({
    hostId,
    run: async (command, context) => {
      runs += 1;
      return await succeed(command, context);
    },
  });
  const link = agent.connect();
  link.send(welcome({ epoch: 7 }));
  link.send({ kind: "command", command: noOp() });
  expect((await next(link, "outcome")).outcome).toMatchObject({
    kind: "interrupted",
    problem: { code: "EPOCH_STALE" },
  });
  expect(runs).toBe(0);
});

test("an agent takes nothing from a control plane of an earlier generation, and says which one it knows", async () => {
  const agent = createFakeAgent({ hostId, run: succeed });
  agent.connect().send(welcome({ epoch: 7 }));
  const link = agent.connect();
  expect(link.messages).toMatchObject([{ kind: "hello", epoch: 7 }]);
  link.send(welcome({ epoch: 6 }));
  link.send({ kind: "command", command: noOp({ fence: { epoch: 7, token: 9 } }) });
  link.heartbeat();
  expect(link.messages.map(({ kind }) => kind)).toEqual(["hello", "heartbeat"]);
});
