import { createServer, get, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { afterEach, expect, test } from "vitest";
import { eventQueue } from "./event-queue.ts";
import { writeEvents } from "./events.ts";
import type { ServerEvent } from "./handler.ts";

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

/** Serves one stream of events over real HTTP; `ended` comes when the server is done with it. */
async function serve(
  source: AsyncIterable<ServerEvent>,
  ending: AbortSignal,
): Promise<{ url: string; ended: Promise<void> }> {
  const { promise: ended, resolve } = Promise.withResolvers<void>();
  const server = createServer((_, response) => {
    const leaving = new AbortController();
    response.once("close", () => leaving.abort());
    void writeEvents(response, source, AbortSignal.any([leaving.signal, ending])).then(resolve);
  });
  servers.push(server);
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, ended };
}

const answerOf = (url: string) => new Promise<IncomingMessage>((resolve) => get(url, resolve));
const never = new AbortController().signal;

test("events carry their id and end with their source", async () => {
  async function* source() {
    yield { id: "1", data: { text: "line\nbreak" } };
    yield { data: "without id" };
  }
  const { url, ended } = await serve(source(), never);
  const answer = await answerOf(url);
  expect(answer.headers["content-type"]).toBe("text/event-stream");
  expect(await text(answer)).toBe('id: 1\ndata: {"text":"line\\nbreak"}\n\ndata: "without id"\n\n');
  await ended;
});

test("a source is asked for no more than its reader takes", async () => {
  let asked = 0;
  async function* endless() {
    for (;;) {
      asked += 1;
      yield { data: "x".repeat(10_000) };
    }
  }
  const { url, ended } = await serve(endless(), never);
  const answer = await answerOf(url);
  answer.pause();
  let last = -1;
  await expect
    .poll(
      () => {
        const still = asked === last;
        last = asked;
        return still;
      },
      { interval: 200, timeout: 20_000 },
    )
    .toBe(true);
  // What the buffers of both ends and of the kernel hold.
  expect(asked).toBeLessThan(2000);
  answer.destroy();
  await ended;
});

test("when the client leaves, a source that waits for its next event is closed", async () => {
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  const queue = eventQueue({ limit: 10, onClose: resolve });
  queue.push({ data: "first" });
  const { url, ended } = await serve(queue, never);
  const answer = await answerOf(url);
  answer.once("data", () => answer.destroy());
  await closed;
  await ended;
  expect(queue.push({ data: "late" })).toBe(false);
});

test("when the process is asked to end, the stream ends whole, so that the client comes back elsewhere", async () => {
  const ending = new AbortController();
  const queue = eventQueue({ limit: 10 });
  queue.push({ id: "7", data: "last" });
  const { url, ended } = await serve(queue, ending.signal);
  const answer = await answerOf(url);
  answer.once("data", () => ending.abort());
  expect(await text(answer)).toBe('id: 7\ndata: "last"\n\n');
  await ended;
});

test("a queue holds no more than its limit and ends where its reader is too slow", async () => {
  let closed = 0;
  const queue = eventQueue({ limit: 2, onClose: () => (closed += 1) });
  expect([1, 2, 3, 4].map((data) => queue.push({ data }))).toEqual([true, true, false, false]);
  const read: unknown[] = [];
  for await (const { data } of queue) read.push(data);
  expect(read).toEqual([1, 2]);
  expect(closed).toBe(1);
});
