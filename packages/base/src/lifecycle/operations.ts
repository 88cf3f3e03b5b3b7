// What is under way and what was done.
//
// 1. An operation id runs once: whoever brings it again, also while it runs, gets the same answer.
// 2. On one module (by name) one operation runs at a time; a second one is refused with the name of the first, never queued.
// 3. Answers of the last 200 operations are kept; what was refused because another ran is not an answer.
import { PlatformError } from "@evenkeel/contracts/error";

const MOST_ANSWERS = 200;

interface Operation<Result> {
  readonly id: string;
  readonly verb: string;
  /** Name of the module; null: none, or all. */
  readonly module: string | null;
  readonly run: () => Promise<Result>;
}

export class Operations {
  readonly #answers = new Map<string, Promise<unknown>>();
  readonly #busy = new Map<string, string>();

  /** The answer, or the promise of it, to an operation that was brought before. */
  known<Result>(id: string): Promise<Result> | undefined {
    return this.#answers.get(id) as Promise<Result> | undefined;
  }

  async perform<Result>(operation: Operation<Result>): Promise<Result> {
    const { id } = operation;
    const known = this.known<Result>(id);
    if (known !== undefined) return await known;
    this.#claim(operation);
    const answer = operation.run().finally(() => this.#free(operation));
    this.#answers.set(id, answer);
    if (this.#answers.size > MOST_ANSWERS) this.#forgetOldest();
    return await answer;
  }

  #claim({ module, verb }: Pick<Operation<unknown>, "module" | "verb">): void {
    if (module === null) return;
    const other = this.#busy.get(module);
    if (other !== undefined) throw new PlatformError("MODULE_BUSY", { module, operation: other });
    this.#busy.set(module, verb);
  }

  #free({ module }: Pick<Operation<unknown>, "module">): void {
    if (module !== null) this.#busy.delete(module);
  }

  #forgetOldest(): void {
    const [oldest] = this.#answers.keys();
    if (oldest !== undefined) this.#answers.delete(oldest);
  }
}
