import type { ServerResponse } from "node:http";
import type { ChangeState } from "@evenkeel/contracts/change-state";
import { ChangeId, newId, ServiceId } from "@evenkeel/contracts/id";
import { expect, test } from "vitest";
import { createClient } from "./client.ts";
import { readEvents } from "./event-stream.ts";
import { type Asked, sendProblem, serverPerTest } from "./test-server.ts";
import { sampleChange } from "./text/sample-change.ts";

const serve = serverPerTest();

const id = newId(ChangeId, "chg");
const at = "2026-01-01T00:00:00.000Z";

const change = (state: ChangeState, sequence: number) => sampleChange(state, [], { id, sequence });

const line = (sequence: number) =>
  `id: ${sequence}\nevent: step\ndata: ${JSON.stringify({ sequence, at, type: "step", data: { name: "start" } })}\n\n`;

function stream({ request, response }: Asked): { after: number; response: ServerResponse } {
  response.writeHead(200, { "content-type": "text/event-stream" });
  return { after: Number(request.headers["last-event-id"]), response };
}

async function sequences(client: ReturnType<typeof createClient>, after = 0): Promise<number[]> {
  const seen: number[] = [];
  for await (const event of client.watchChange(id, { after })) seen.push(event.sequence);
  return seen;
}

test("a watcher sees each event once and in order over a cut, a repetition and a change of replica", async () => {
  const first = await serve((asked) => {
    if (!asked.url.pathname.endsWith("/events")) return change("running", 9);
    const { response } = stream(asked);
    response.write(`: hello\n\n${line(1)}${line(2)}${line(3).slice(0, 20)}`);
    setTimeout(() => void first.close(), 20);
    return undefined;
  });
  const afters: number[] = [];
  const second = await serve((asked) => {
    if (!asked.url.pathname.endsWith("/events")) return change("succeeded", 6);
    const { after, response } = stream(asked);
    afters.push(after);
    if (afters.length === 1) response.write(line(2) + line(3) + line(4), () => response.destroy());
    else response.end(line(5) + line(6));
    return undefined;
  });
  expect(await sequences(createClient({ url: [first.url, second.url] }))).toEqual([1, 2, 3, 4, 5, 6]);
  expect(afters).toEqual([2, 4]);
});

test("a stream that ends before the change is terminal is opened again", async () => {
  let opened = 0;
  const server = await serve((asked) => {
    if (!asked.url.pathname.endsWith("/events")) return change(opened < 2 ? "running" : "cancelled", 2);
    opened += 1;
    stream(asked).response.end(line(opened));
    return undefined;
  });
  expect(await sequences(createClient({ url: server.url }))).toEqual([1, 2]);
});

test("watching a change that does not exist is an error at once", async () => {
  const server = await serve(({ response }) => sendProblem(response, "NOT_FOUND", { resource: "change" }));
  await expect(sequences(createClient({ url: server.url }))).rejects.toMatchObject({ code: "NOT_FOUND" });
});

test("a watcher that is told to stop ends without an error", async () => {
  const server = await serve((asked) => stream(asked).response.write(line(1)));
  const stop = new AbortController();
  const seen: number[] = [];
  for await (const event of createClient({ url: server.url }).watchChange(id, { signal: stop.signal })) {
    seen.push(event.sequence);
    stop.abort();
  }
  expect(seen).toEqual([1]);
});

test("an event that arrives in pieces, in the middle of a character, is read whole", async () => {
  const bytes = new TextEncoder().encode("event: x\r\nid: 7\r\ndata: 服务\r\ndata:器\r\n\r\n");
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const byte of bytes) controller.enqueue(Uint8Array.of(byte));
      controller.close();
    },
  });
  const events = [];
  for await (const event of readEvents(body, { url: "" })) events.push(event);
  expect(events).toEqual([{ id: "7", event: "x", data: "服务\n器" }]);
});

test("a stream that falls silent is given up", async () => {
  const reading = readEvents(new ReadableStream<Uint8Array>({}), { url: "http://there", silenceMs: 20 }).next();
  await expect(reading).rejects.toMatchObject({ code: "CONTROL_PLANE_UNREACHABLE" });
});

test("log lines are read as they come", async () => {
  const entry = { host: "local-1", letter: "a", stream: "stdout", text: "listens" };
  const server = await serve((asked) => stream(asked).response.end(`data: ${JSON.stringify(entry)}\n\n`));
  const lines = [];
  for await (const each of createClient({ url: server.url }).readLogs(newId(ServiceId, "svc"), { lines: 5 }))
    lines.push(each);
  expect(lines).toEqual([entry]);
  expect(server.asked[0]).toMatch(/logs\?lines=5$/);
});
