/**
 * 1. Somebody outside is asked between transactions, never inside one; the question is a row before it is sent.
 * 2. Whoever takes the change over asks again with the same key, or goes on at the stored status address: answers are stored once.
 * 3. An answer counts only from the holder of the lease. The deadline is charged and judged by `decide`, not here.
 */

import { guardName } from "@evenkeel/contracts/guard";
import { say } from "@evenkeel/contracts/phrase";
import { LeaseLost } from "@evenkeel/kit/lease";
import { inTransaction } from "@evenkeel/kit/sql";
import type { ChangeDeps } from "../deps.ts";
import { type Answer, mayBeAsked } from "../guard/answer.ts";
import { askId, guardAt, openAsks } from "../guard/watch.ts";
import type { Snapshot } from "../snapshot.ts";
import { wake } from "../store/change.ts";
import { type Claim, holdChange } from "../store/lease.ts";
import { type NamedPost, noteAsk, storeAnswer } from "../store/verdict.ts";
import { type Asking, ask } from "./ask.ts";

/** A question to which there is no answer yet. */
export interface Question extends Asking {
  readonly id: string;
  readonly post: NamedPost;
  readonly statusUrl: string | null;
}

const TEXT_LENGTH = 500;

/** The questions of a change that are open now. */
export function openQuestions(snapshot: Snapshot): Question[] {
  if (snapshot.state !== "running") return [];
  return openAsks(snapshot).flatMap((ask): Question[] => {
    const guard = guardAt(snapshot, ask);
    const batch = snapshot.plan.groups.flatMap(({ batches }) => batches).find(({ batchId }) => batchId === ask.batchId);
    if (guard?.kind !== "http" || batch === undefined) return [];
    const { batchId, when } = ask;
    const targets = snapshot.plan.targets
      .filter(({ targetId }) => batch.targetIds.includes(targetId))
      .map(({ name, zone, from, to }) => ({ name, zone, from, to }));
    const { changeId, plan } = snapshot;
    const about = { changeId, kind: plan.kind, title: plan.title, batchId, batch: batch.name, when, targets };
    const post = { changeId, batchId, guard: ask.guard, when, name: guardName(guard), batch: batch.name };
    return [{ id: askId(ask), post, guard, statusUrl: ask.statusUrl, about }];
  });
}

/** Asks for one worker, until it is answered, withdrawn or the worker goes. */
export class OutsideChecks {
  readonly #deps: ChangeDeps;
  readonly #claim: Claim;
  readonly #asking = new Map<string, AbortController>();

  constructor(deps: ChangeDeps, claim: Claim) {
    this.#deps = deps;
    this.#claim = claim;
  }

  /** Asks what is open and not asked yet, and stops asking what is not open any more. */
  keepUp(questions: readonly Question[]): void {
    const open = new Set(questions.map(({ id }) => id));
    for (const [id, stop] of this.#asking) if (!open.has(id)) this.#end(id, stop);
    for (const question of questions) if (!this.#asking.has(question.id)) void this.#ask(question);
  }

  stop(): void {
    for (const [id, stop] of this.#asking) this.#end(id, stop);
  }

  #end(id: string, stop: AbortController): void {
    stop.abort();
    this.#asking.delete(id);
  }

  async #ask(question: Question): Promise<void> {
    const stop = new AbortController();
    this.#asking.set(question.id, stop);
    try {
      await this.#askUntilAnswered(question, stop.signal);
    } catch (error) {
      // Not stored: the next look asks anew, with the same key.
      if (!(error instanceof LeaseLost)) this.#deps.log.warn({ err: error, id: question.id }, "a check was not stored");
    } finally {
      if (this.#asking.get(question.id) === stop) this.#asking.delete(question.id);
    }
  }

  async #askUntilAnswered(question: Question, signal: AbortSignal): Promise<void> {
    let { statusUrl } = question;
    let told = "";
    while (!signal.aborted) {
      const answer = this.#mayAsk(question) ?? (await ask(question, statusUrl, signal));
      if (signal.aborted) return;
      // Killed here – then nothing is stored, and the next worker asks the same with the same key.
      if (answer.kind === "passed" || answer.kind === "failed") return await this.#store(question, answer);
      if (answer.kind === "pending") statusUrl = answer.statusUrl ?? statusUrl;
      const now = `${answer.text} ${statusUrl}`;
      if (now !== told) await this.#note(question, answer.text, statusUrl);
      told = now;
      await pause(question.guard.everySeconds * 1000, signal);
    }
  }

  #mayAsk({ guard }: Question): Answer | null {
    if (mayBeAsked(guard.url, this.#deps.checkHosts ?? null)) return null;
    return { kind: "none", text: say("verdict.not-among", { host: new URL(guard.url).hostname }) };
  }

  async #store({ post }: Question, answer: Extract<Answer, { kind: "passed" | "failed" }>): Promise<void> {
    const { db, lease } = this.#deps;
    await inTransaction(db, async (tx) => {
      await holdChange(tx, lease.id, { claim: this.#claim, kept: null });
      const outcome = answer.kind === "passed" ? "pass" : "worse";
      await storeAnswer(tx, post, { outcome, final: true, text: shortened(answer.text), evidence: {} });
      await wake(tx, post.changeId);
    });
  }

  async #note({ post }: Question, text: string, statusUrl: string | null): Promise<void> {
    const { db, lease } = this.#deps;
    await inTransaction(db, async (tx) => {
      await holdChange(tx, lease.id, { claim: this.#claim, kept: null });
      await noteAsk(tx, post, { text: shortened(text), statusUrl });
    });
  }
}

const shortened = (text: string): string => text.slice(0, TEXT_LENGTH);

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const timer = setTimeout(done, ms);
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    }
    signal.addEventListener("abort", done, { once: true });
  });
}
