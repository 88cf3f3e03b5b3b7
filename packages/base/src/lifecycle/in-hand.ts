// What a module has in hand when it is to leave, or fails: requests that wait for an answer, calls that wait for a promise, connections out of HTTP.
import { setImmediate as turn } from "node:timers/promises";
import { PlatformError } from "@evenkeel/contracts/error";
import { answerError } from "../publication/requests.ts";
import { closingOf } from "./connection.ts";
import type { ModuleInstance } from "./module-instance.ts";

const AT_A_STRETCH = 10;

/** Those who are still inside when the time to drain is over: nobody else would answer them. */
export async function cutInHand(instance: ModuleInstance, count: number): Promise<void> {
  const { key: module, log, manifest } = instance;
  log.add("stderr", `${count} requests, calls or connections were cut after ${manifest.drainSeconds} s`);
  await endInHand(instance, new PlatformError("MODULE_LEAVING", { module }));
}

/** Answers the requests, fails the calls and ends the connections that it has in hand; waits for the connections alone. */
export async function endInHand(instance: ModuleInstance, error: unknown): Promise<void> {
  // Many answers at a stretch would hold the loop of all others.
  for (const [index, response] of [...instance.open].entries()) {
    if (index % AT_A_STRETCH === AT_A_STRETCH - 1) await turn();
    if (!response.writableEnded) answerError(response, error, instance.key);
  }
  instance.visits.cut(error);
  await hangUp(instance, error);
}

/** Ends the connections that it has now. */
export async function hangUp({ connections, runtime }: ModuleInstance, error: unknown): Promise<void> {
  const ended = [...connections];
  runtime?.hangUp(ended, closingOf(error));
  for (const connection of ended) connection.destroyLater();
  await Promise.all(ended.map(({ closed }) => closed));
}
