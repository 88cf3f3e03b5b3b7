import { setTimeout as sleep } from "node:timers/promises";
import { holderOf, listenersAt } from "@evenkeel/kit/listening";
import { type AgentParts, type Call, CommandEnd, type Handler, slotOf } from "../command.ts";
import { gatherEvidence } from "../evidence.ts";
import { FirstWords } from "../first-words.ts";
import type { Instance } from "../instance.ts";
import { type Death, describeProbe, type Life } from "../life.ts";
import { describeHolder, portHolder } from "../ports.ts";

const LOOK_MS = 15;
/** Somebody else's socket answers for this long: it is not one that is just going away. */
const FOREIGN_MS = 300;

type HealthCall = Call<"await-health">;

/** Waits until the instance was healthy for long enough; fails as soon as it cannot become so. */
export const awaitHealth: Handler<"await-health"> = async (parts, call) => {
  const slot = slotOf(call.command);
  const { letter, health, minimumHealthyMs } = call.input;
  const instance = parts.instances.get(slot, letter);
  const earlierDeath = instance.life?.alive === true ? instance.lastDeath : null;
  const limitMs = health.startSeconds * 1000 + minimumHealthyMs;
  const until = performance.now() + Math.max(0, limitMs - call.context.elapsedMs);
  const watched = instance.life;
  if (watched !== null) {
    watched.health = health;
    watched.watchers += 1;
  }
  const words = new FirstWords(instance, call.context.output);
  try {
    for (;;) {
      const { life } = instance;
      await words.look();
      if (life !== null && isHealthyFor(life, minimumHealthyMs)) return await succeed(parts, instance);
      await assertPossible(parts, instance, earlierDeath);
      if (performance.now() >= until || call.context.signal.aborted) throw await tooLate(parts, instance, call);
      await sleep(LOOK_MS);
    }
  } finally {
    await words.end();
    if (watched !== null) watched.watchers -= 1;
  }
};

function isHealthyFor(life: Life, ms: number): boolean {
  return life.alive && life.healthySince !== null && performance.now() - life.healthySince >= ms;
}

async function succeed({ retention }: AgentParts, instance: Instance) {
  const report = instance.report();
  if (report !== null) await retention.noteGood(instance.slot, report.revisionId);
  return { facts: { address: instance.address, port: report?.port, pid: report?.pid } };
}

/** A process that ended, or a stranger on its port, will not get better by waiting. */
async function assertPossible(parts: AgentParts, instance: Instance, earlierDeath: Death | null): Promise<void> {
  const { life, lastDeath, launched } = instance;
  if (lastDeath !== null && lastDeath !== earlierDeath) throw await diedOf(parts, instance, lastDeath);
  if (launched === null || (life === null && lastDeath === null))
    throw new CommandEnd("START_FAILED", { exit: "nothing started" });
  if (life?.foreignSince == null || performance.now() - life.foreignSince < FOREIGN_MS) return;
  const holder = describeHolder(holderOf(listenersAt(instance.address, launched.port)));
  throw new CommandEnd("PORT_NOT_OURS", { port: launched.port, holder }, { output: await instance.readOutput() });
}

/** Exit code and last words tell the likely cause. */
async function diedOf(parts: AgentParts, instance: Instance, death: Death): Promise<CommandEnd> {
  const { exit, code } = death;
  const output = await instance.readOutput();
  const words = `${output.head}\n${output.tail}`;
  const port = instance.launched?.port ?? 0;
  const more = { output, exitCode: code, ...(await evidenceOf(parts, instance, death)) };
  if (/EADDRINUSE|address already in use/i.test(words)) {
    const holder = portHolder(instance.address, port) ?? "a process that has gone since";
    return new CommandEnd("PORT_TAKEN", { port, holder }, more);
  }
  if (code === 127 || code === 126)
    return new CommandEnd("START_COMMAND_MISSING", { command: instance.launched?.staged.configuration.start }, more);
  return new CommandEnd("START_FAILED", { exit }, more);
}

async function tooLate(parts: AgentParts, instance: Instance, { input }: HealthCall): Promise<CommandEnd> {
  const problem = describeProbe(instance.life?.lastProbe ?? null);
  const facts = { seconds: input.health.startSeconds, problem };
  const more = { output: await instance.readOutput(), ...(await evidenceOf(parts, instance, null)) };
  return new CommandEnd("HEALTH_TIMEOUT", facts, { kind: "timed-out", ...more });
}

async function evidenceOf(parts: AgentParts, { launched }: Instance, death: Death | null) {
  if (launched === null) return {};
  const { staged, memoryKills = null } = launched;
  const appFolder = parts.revisions.appFolder(staged.serviceId, staged.revisionId);
  const failure = { staged, appFolder, death, memoryKillsBefore: memoryKills };
  return { evidence: await gatherEvidence(failure, parts.clockSkew) };
}
