import type { Journal } from "./journal.ts";

// 1. What is asked for in one turn of the event loop is one write to the journal: a disk takes milliseconds for each, and a host may
//    have many commands in hand.
// 2. Whoever asked goes on only when it is on the disk, and before anything else happens.
// 3. Where the one write fails, each is tried alone: whoever fails then fails alone.

interface Asked {
  /** Writes, and answers how to tell of it. */
  work(): () => void;
  refuse(error: unknown): void;
}

/** Writes to the journal that go together. */
export class JournalTurn {
  readonly #journal: Journal;
  #asked: Asked[] = [];

  constructor(journal: Journal) {
    this.#journal = journal;
  }

  /** Answers what `work` has answered, once all that it wrote is on the disk. It is done anew where that failed. */
  write<Result>(work: () => Result): Promise<Result> {
    if (this.#asked.length === 0) setImmediate(() => this.#store(this.#take()));
    return new Promise((resolve, reject) => {
      this.#asked.push({
        work: () => {
          const result = work();
          return () => resolve(result);
        },
        refuse: reject,
      });
    });
  }

  #take(): Asked[] {
    const asked = this.#asked;
    this.#asked = [];
    return asked;
  }

  #store(asked: readonly Asked[]): void {
    const workAll = (): (() => void)[] => asked.map(({ work }) => work());
    let tellAll: (() => void)[];
    try {
      tellAll = asked.length === 1 ? workAll() : this.#journal.together(workAll);
    } catch (error) {
      if (asked.length === 1) asked[0]?.refuse(error);
      else for (const each of asked) this.#store([each]);
      return;
    }
    for (const tell of tellAll) tell();
  }
}
