import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { ChangeId, newId } from "@evenkeel/contracts/id";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Answer } from "../guard/answer.ts";
import { ask } from "./ask.ts";

const RUNS = 100;

/** Somebody outside who is content, in each of the ways in which he may say so; some need to be asked again. */
const CONTENT: readonly ((response: ServerResponse, time: number, path: string) => void)[] = [
  (response) => response.end(),
  (response) => response.writeHead(204).end(),
  (response) => response.end(JSON.stringify({ status: "passed", reason: "orders are fine" })),
  (response, time, path) =>
    time === 1
      ? response.writeHead(202, { location: `${path}?job=1` }).end()
      : response.end(JSON.stringify({ status: time === 2 ? "pending" : "passed" })),
  // A proxy in between that is restarted, then a process behind it that is not there yet.
  (response, time) => {
    if (time === 1) response.destroy();
    else if (time === 2) response.writeHead(503).end("soon");
    else response.end(JSON.stringify({ status: "passed" }));
  },
];

const times = new Map<string, number>();
const server = createServer((request, response) => {
  const [path = ""] = (request.url ?? "").split("?");
  const time = (times.get(path) ?? 0) + 1;
  times.set(path, time);
  request.resume();
  request.on("end", () => {
    const [kind = "", number = ""] = path.slice(1).split("-");
    if (kind === "worse") return response.end(JSON.stringify({ status: "failed", reason: "orders fell" }));
    if (kind === "silent") return response.writeHead(500).end();
    return CONTENT[Number(number) % CONTENT.length]?.(response, time, path);
  });
});
let url = "";
beforeAll(async () => {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => server.close());

/** As the executor does, without its pauses: asks until there is a word, a few times at most. */
async function answerOf(path: string): Promise<Answer> {
  const guard = { url: `${url}/${path}`, everySeconds: 1 };
  const post = { changeId: newId(ChangeId, "chg"), batchId: "b/1", guard: 0, when: "after" } as const;
  let statusUrl: string | null = null;
  let answer: Answer = { kind: "none", text: "nobody was asked" };
  for (let time = 0; time < 4; time += 1) {
    answer = await ask({ guard, post, about: {} }, statusUrl, new AbortController().signal);
    if (answer.kind === "passed" || answer.kind === "failed") return answer;
    if (answer.kind === "pending") statusUrl = answer.statusUrl ?? statusUrl;
  }
  return answer;
}

test("a hundred batches of which somebody outside thinks well pass, in whichever way he says it", async () => {
  const alarms: string[] = [];
  for (let run = 0; run < RUNS; run += 1) {
    const { kind, text } = await answerOf(`content-${run}`);
    if (kind !== "passed") alarms.push(`${run}: ${kind}, ${text}`);
  }
  console.log(`http: ${alarms.length} false alarms in ${RUNS} runs`);
  expect(alarms).toEqual([]);
});

test("his no is a no, and silence is neither", async () => {
  expect(await answerOf("worse-1")).toEqual({ kind: "failed", text: "orders fell" });
  expect(await answerOf("silent-1")).toEqual({ kind: "none", text: "it answered 500" });
});
