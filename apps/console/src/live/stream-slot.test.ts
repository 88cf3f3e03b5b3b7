import { expect, test } from "vitest";
import { areSlotsTaken, withStreamSlot } from "./stream-slot.ts";

/** Streams that run until they are ended, by their names; each asks for a slot in its turn. */
function streams() {
  const running = new Map<string, () => void>();
  const begun = Promise.withResolvers<void>();
  const news = { begun };
  const open = (name: string, signal = new AbortController().signal): Promise<void> =>
    withStreamSlot(signal, async () => {
      const ended = Promise.withResolvers<void>();
      signal.addEventListener("abort", () => ended.resolve());
      running.set(name, ended.resolve);
      news.begun.resolve();
      news.begun = Promise.withResolvers<void>();
      await ended.promise;
      running.delete(name);
    });
  const until = async (count: number): Promise<void> => {
    while (running.size < count) await news.begun.promise;
  };
  return { running, open, until };
}

test("five streams run at once, the sixth begins when one has ended, and who has left waits no more", async () => {
  const { running, open, until } = streams();
  const five = ["1", "2", "3", "4", "5"].map((name) => open(name));
  await until(5);
  expect(await areSlotsTaken()).toBe(true);
  const left = new AbortController();
  const seventh = open("7", left.signal);
  const sixth = open("6");
  left.abort();
  await seventh;
  expect([...running.keys()].sort()).toEqual(["1", "2", "3", "4", "5"]);
  running.get("3")?.();
  while (!running.has("6")) await until(5);
  expect(running.has("3")).toBe(false);
  for (const end of running.values()) end();
  await Promise.all([...five, sixth]);
  expect(await areSlotsTaken()).toBe(false);
});

test("a stream that fails gives its slot back, and tells why", async () => {
  const work = () => Promise.reject(new Error("refused"));
  await expect(withStreamSlot(new AbortController().signal, work)).rejects.toThrow("refused");
  expect(await areSlotsTaken()).toBe(false);
});
