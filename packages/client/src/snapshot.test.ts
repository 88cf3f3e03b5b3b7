import type { Change } from "@evenkeel/contracts/change";
import { ChangeId, newId, StepId } from "@evenkeel/contracts/id";
import { expect, test } from "vitest";
import { createClient } from "./client.ts";
import { followChange, type Snapshot } from "./snapshot.ts";
import { type Asked, sendProblem, serverPerTest, startServer } from "./test-server.ts";
import { at, sampleBatch, sampleChange, sampleTarget } from "./text/sample-change.ts";

const serve = serverPerTest();

const id = newId(ChangeId, "chg");
const stepId = newId(StepId, "stp");
const change = (state: Change["state"], sequence: number, more: Partial<Change> = {}): Change =>
  sampleChange(state, [], { id, sequence, ...more });

const picture = (shown: Change) =>
  `id: ${shown.sequence}\ndata: ${JSON.stringify({ kind: "tree", change: shown, states: {} })}\n\n`;
const output = (sequence: number, text: string) =>
  `data: ${JSON.stringify({ kind: "output", sequence, at: at(0), stepId, targetId: "t1", text })}\n\n`;
const isStream = ({ url }: Asked) => url.pathname.endsWith("/tree/events");

function stream({ request, response }: Asked) {
  response.writeHead(200, { "content-type": "text/event-stream" });
  return { after: request.headers["last-event-id"], response };
}

async function all(client: ReturnType<typeof createClient>): Promise<Snapshot[]> {
  const seen: Snapshot[] = [];
  for await (const snapshot of followChange(client, id)) seen.push(snapshot);
  return seen;
}

test("a change is read once, and what moves is told: hosts that have not moved stay as they were", async () => {
  const begun = sampleBatch("a", "running", [sampleTarget("h1", "running"), sampleTarget("h2", "pending")]);
  const whole = sampleChange("running", [begun], { id, sequence: 1 });
  const moved = { ...begun, targets: [sampleTarget("h2", "running")] };
  const server = await serve((asked) => {
    if (!isStream(asked)) return whole;
    const next = sampleChange("running", [moved], { id, sequence: 2 });
    const last = sampleChange("succeeded", [{ ...moved, targets: [] }], { id, sequence: 3 });
    stream(asked).response.end(picture(next) + picture(last));
    return undefined;
  });
  const last = (await all(createClient({ url: server.url }))).at(-1);
  expect(last?.change.state).toBe("succeeded");
  const targets = last?.change.groups.flatMap(({ batches }) => batches.flatMap((batch) => batch.targets));
  expect(targets?.map(({ name, state }) => [name, state])).toEqual([
    ["h1", "running"],
    ["h2", "running"],
  ]);
  expect(server.asked).toEqual([`GET /api/v1/changes/${id}`, `GET /api/v1/changes/${id}/tree/events`]);
});

test("what scripts print is told once and by the name of the host, also when the stream is cut", async () => {
  const batch = sampleBatch("a", "running", [sampleTarget("h1", "running", { targetId: "t1" })]);
  const now = sampleChange("running", [batch], { id, sequence: 4 });
  const afters: unknown[] = [];
  const server = await serve((asked) => {
    if (!isStream(asked)) return now;
    const { after, response } = stream(asked);
    afters.push(after);
    if (afters.length === 1) response.write(picture(now) + output(5, "one"), () => response.destroy());
    else response.end(output(5, "one") + output(6, "two") + picture({ ...now, state: "succeeded", sequence: 6 }));
    return undefined;
  });
  const snapshots = await all(createClient({ url: server.url }));
  expect(afters).toEqual([undefined, "4"]);
  expect(snapshots.flatMap(({ outputs }) => outputs)).toEqual([
    { target: "h1", text: "one" },
    { target: "h1", text: "two" },
  ]);
});

test("the rollback that a change turns into is followed too, and the end shows both at their end", async () => {
  const rollback = sampleChange("running", [], { sequence: 1 });
  const back = change("rolling-back", 2, { rollbackChangeId: rollback.id });
  const server = await serve((asked) => {
    const isBack = asked.url.pathname.includes(rollback.id);
    if (!isStream(asked)) return isBack ? rollback : change("running", 1);
    const { response } = stream(asked);
    // The end of the change is told before anything of its rollback, and is kept back for it.
    if (isBack) response.end(picture({ ...rollback, state: "succeeded", sequence: 2 }));
    else response.end(picture(back) + picture({ ...back, state: "rolled-back", sequence: 3 }));
    return undefined;
  });
  const snapshots = await all(createClient({ url: server.url }));
  const states = snapshots.map(({ change, rollback }) => `${change.state} ${rollback?.state}`);
  expect(states.at(-1)).toBe("rolled-back succeeded");
  expect(states).not.toContain("rolled-back running");
});

test("a control plane that is away is told, and what it tells when it is back", async () => {
  const first = await startServer((asked) => {
    if (!isStream(asked)) return change("running", 1);
    stream(asked).response.write(picture(change("running", 1)));
    return undefined;
  });
  const returned = (asked: Asked) => void stream(asked).response.end(picture(change("succeeded", 2)));
  const told: string[] = [];
  for await (const { change, awaySince } of followChange(createClient({ url: first.url }), id)) {
    const away = awaySince === null ? "" : ", away";
    if (told.length === 0) void first.close();
    if (away !== "" && !told.includes("running, away")) await serve(returned, first.port);
    told.push(`${change.state}${away}`);
  }
  expect(told[0]).toBe("running");
  expect(told).toContain("running, away");
  expect(told.at(-1)).toBe("succeeded");
});

test("who follows a change waits for a database that is away longer than a single call would", async () => {
  let asked = 0;
  const server = await serve((each) => {
    asked += 1;
    if (asked <= 3) return sendProblem(each.response, "UNAVAILABLE", { what: "The database" });
    if (!isStream(each)) return change("succeeded", 1);
    stream(each).response.end(picture(change("succeeded", 1)));
    return undefined;
  });
  const snapshots = await all(createClient({ url: server.url, patienceMs: 0 }));
  expect(snapshots.map((snapshot) => snapshot.change.state)).toEqual(["succeeded"]);
});

test("following a change that does not exist is an error at once", async () => {
  const server = await serve(({ response }) => sendProblem(response, "NOT_FOUND", { resource: "change" }));
  await expect(all(createClient({ url: server.url }))).rejects.toMatchObject({ code: "NOT_FOUND" });
});

test("without news it is told again after a while, and a follower that is told to stop ends without an error", async () => {
  const server = await serve((asked) => {
    if (!isStream(asked)) return change("running", 1);
    stream(asked).response.write(": here\n\n");
    return undefined;
  });
  const stop = new AbortController();
  let told = 0;
  for await (const _ of followChange(createClient({ url: server.url }), id, { signal: stop.signal, everyMs: 5 })) {
    told += 1;
    if (told === 4) stop.abort();
  }
  expect(told).toBe(4);
  expect(server.asked).toHaveLength(2);
});
