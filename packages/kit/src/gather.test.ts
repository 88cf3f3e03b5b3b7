import { expect, test } from "vitest";
import { gather } from "./gather.ts";

/** Answers when it is told to, and remembers what was asked together. */
function slowQuestion(refused: readonly number[] = []) {
  const batches: number[][] = [];
  const open: (() => void)[] = [];
  const ask = async (items: readonly number[]): Promise<number[]> => {
    batches.push([...items]);
    await new Promise<void>((resolve) => open.push(resolve));
    if (items.some((item) => refused.includes(item))) throw new Error("refused");
    return items.map((item) => item * 10);
  };
  const answerAll = async (): Promise<void> => {
    for (let turns = 0; turns < 50; turns += 1) {
      open.shift()?.();
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  return { ask, batches, answerAll };
}

test("what is asked while a question is under way is one question, and each gets its own answer", async () => {
  const { ask, batches, answerAll } = slowQuestion();
  const one = gather(ask, { atMost: 3 });
  const first = one(1);
  await new Promise((resolve) => setImmediate(resolve));
  const others = [2, 3, 4, 5].map(one);
  await answerAll();
  expect(await Promise.all([first, ...others])).toEqual([10, 20, 30, 40, 50]);
  expect(batches).toEqual([[1], [2, 3, 4], [5]]);
});

test("one that cannot be answered takes no other along", async () => {
  const { ask, answerAll } = slowQuestion([2]);
  const one = gather(ask, { atMost: 10 });
  const asked = Promise.allSettled([1, 2, 3].map(one));
  await answerAll();
  expect((await asked).map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  const later = one(4);
  await answerAll();
  expect(await later).toBe(40);
});
