/**
 * Invariants:
 * 1. One batch is under way at a time; what is asked meanwhile is the next one. Somebody who asks alone waits for nobody.
 * 2. A batch that fails is asked again item by item: one that cannot be done takes no other along.
 */

interface Waiting<Item, Answer> {
  readonly item: Item;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}

export interface GatherOptions {
  readonly atMost: number;
}

/** Makes one question of many that are asked at the same time; `askAll` answers in the order of its items, and may be asked again. */
export function gather<Item, Answer>(
  askAll: (items: readonly Item[]) => Promise<readonly Answer[]>,
  { atMost }: GatherOptions,
): (item: Item) => Promise<Answer> {
  const waiting: Waiting<Item, Answer>[] = [];
  let asking = false;

  async function answer(batch: readonly Waiting<Item, Answer>[]): Promise<void> {
    try {
      const answers = await askAll(batch.map(({ item }) => item));
      if (answers.length !== batch.length) throw new Error(`${answers.length} answers to ${batch.length} questions`);
      for (const [index, { resolve }] of batch.entries()) resolve(answers[index] as Answer);
    } catch (error) {
      if (batch.length === 1) return batch[0]?.reject(error);
      for (const one of batch) await answer([one]);
    }
  }

  async function work(): Promise<void> {
    asking = true;
    // Whoever asks in the same turn of the event loop is in the first batch too.
    await Promise.resolve();
    while (waiting.length > 0) await answer(waiting.splice(0, atMost));
    asking = false;
  }

  return (item) => {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    waiting.push({ item, resolve, reject });
    if (!asking) void work();
    return promise;
  };
}
