import { setTimeout as sleep } from "node:timers/promises";
import { holderOf, listenersAt } from "@evenkeel/kit/listening";
import { type AgentParts, type Call, CommandEnd, type Handler, slotOf } from "../command.ts";
import { FirstWords } from "../first-words.ts";
import type { Instance } from "../instance.ts";
import { type Death, describeProbe, type Life } from "../life.ts";
import { portHolder } from "../ports.ts";

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
      await assertPossible(instance, earlierDeath);
      if (performance.now() >= until || call.context.signal.aborted) throw await tooLate(instance, call);
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
async function assertPossible(instance: Instance, earlierDeath: Death | null): Promise<void> {
  const { life, lastDeath, launched } = instance;
  if (lastDeath !== null && lastDeath !== earlierDeath) throw await diedOf(instance, lastDeath);
  if (launched === null || (life === null && lastDeath === null))
    throw new CommandEnd("START_FAILED", { exit: "nothing started" });
  if (life?.foreignSince == null || performance.now() - life.foreignSince < FOREIGN_MS) return;
  const holder = holderOf(listenersAt(instance.address, launched.port)).text;
  throw new CommandEnd("PORT_NOT_OURS", { port: launched.port, holder }, { output: await instance.readOutput() });
}

/** Exit code and last words tell the likely cause. */
async function diedOf(instance: Instance, { exit, code }: Death): Promise<CommandEnd> {
  const output = await instance.readOutput();
  const words = `${output.head}\n${output.tail}`;
  const port = instance.launched?.port ?? 0;
  const more = { output, exitCode: code };
  if (/EADDRINUSE|address already in use/i.test(words)) {
    const holder = portHolder(instance.address, port) ?? "a process that has gone since";
    return new CommandEnd("PORT_TAKEN", { port, holder }, more);
  }
  if (code === 127 || code === 126)
    return new CommandEnd("START_COMMAND_MISSING", { command: instance.launched?.staged.configuration.start }, more);
  return new CommandEnd("START_FAILED", { exit }, more);
}

async function tooLate(instance: Instance, { input }: HealthCall): Promise<CommandEnd> {
  const problem = describeProbe(instance.life?.lastProbe ?? null);
  const facts = { seconds: input.health.startSeconds, problem };
  return new CommandEnd("HEALTH_TIMEOUT", facts, { kind: "timed-out", output: await instance.readOutput() });
}
