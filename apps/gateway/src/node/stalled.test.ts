import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { expect, test, vi } from "vitest";
import { Bed } from "../conformance/bed.ts";
import { Instance } from "./instance.ts";

const ROUNDS = 5;

/**
 * An application that closes idle connections after a quarter of a second, and its visitor. When it was asked it tells
 * main to stand still; meanwhile it answers, a visitor posts on a connection that he has kept, and the connection of the answer is closed.
 */
const elsewhereTo = (visit: string): string => `
const { Agent, createServer, request } = require("node:http");
const { parentPort, workerData } = require("node:worker_threads");
const { flag } = workerData;
const server = createServer({ keepAliveTimeout: 250, keepAliveTimeoutBuffer: 0 }, (req, res) => {
  res.setHeader("connection", "keep-alive");
  if (req.method === "POST") return void req.pipe(res);
  Atomics.store(flag, 0, 1);
  Atomics.notify(flag, 0);
  setTimeout(() => res.end("ok"), 200);
  setTimeout(() => post(), 400);
});
let gateway = 0;
const kept = new Agent({ keepAlive: true });
const ask = (method, done) => {
  const call = request({ port: gateway, host: "127.0.0.1", method, agent: method === "POST" && kept }, (res) => {
    res.resume().on("end", () => done(res.statusCode));
  });
  call.on("error", (error) => done(error.code));
  call.end(method === "POST" ? "x" : undefined);
};
const post = () => ask("POST", (status) => parentPort.postMessage(status));
server.listen(0, "127.0.0.1", () => parentPort.postMessage(server.address().port));
parentPort.on("message", (port) => { gateway = port; ${visit} });
`;

test("a gateway that stood still sends no POST on a connection whose answer has lain there meanwhile", async () => {
  const bed = await new Bed("node").open();
  const flag = new Int32Array(new SharedArrayBuffer(4));
  const elsewhere = new Worker(elsewhereTo('ask("POST", () => ask("GET", () => undefined));'), {
    eval: true,
    workerData: { flag },
  });
  try {
    const [port] = (await once(elsewhere, "message")) as [number];
    await bed.apply([{ port }]);
    const statuses: unknown[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      Atomics.store(flag, 0, 0);
      const posted = once(elsewhere, "message");
      elsewhere.postMessage(bed.port);
      while (Atomics.load(flag, 0) === 0) await new Promise((resolve) => setImmediate(resolve));
      // Nothing wakes it: all of this process stands still for so long, as after SIGSTOP.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1500);
      statuses.push(...(await posted));
    }
    expect(statuses).toEqual(statuses.map(() => 200));
    expect(bed.troubles).toEqual([]);
  } finally {
    await elsewhere.terminate();
    await bed.close();
  }
});

/** An application and its visitor, who has kept a connection; told to, he posts on it and says when that is on its way. */
const VISITOR = `
const { Agent, createServer, request } = require("node:http");
const { parentPort, workerData } = require("node:worker_threads");
const { flag } = workerData;
const server = createServer((req, res) => void req.pipe(res));
const kept = new Agent({ keepAlive: true });
let gateway = 0;
const post = (sent) => {
  const call = request({ port: gateway, host: "127.0.0.1", method: "POST", agent: kept }, (res) => {
    res.resume().on("end", () => parentPort.postMessage([res.statusCode, call.reusedSocket]));
  });
  call.on("error", (error) => parentPort.postMessage([error.code, call.reusedSocket]));
  call.end("x", sent);
};
server.listen(0, "127.0.0.1", () => parentPort.postMessage(server.address().port));
parentPort.on("message", (port) => {
  if (port > 0) gateway = port;
  if (port > 0) return void post();
  post(() => setTimeout(() => { Atomics.store(flag, 0, 1); Atomics.notify(flag, 0); }, 100));
});
`;

test("a request that lies unread on a kept connection is answered by a gateway that is asked to end", async () => {
  const bed = await new Bed("node").open();
  const flag = new Int32Array(new SharedArrayBuffer(4));
  const visitor = new Worker(VISITOR, { eval: true, workerData: { flag } });
  try {
    const [port] = (await once(visitor, "message")) as [number];
    await bed.apply([{ port }]);
    visitor.postMessage(bed.port);
    expect(await once(visitor, "message")).toEqual([[200, false]]);
    visitor.postMessage(0);
    Atomics.wait(flag, 0, 0);
    const closed = bed.close();
    expect(await once(visitor, "message")).toEqual([[200, true]]);
    await closed;
  } finally {
    await visitor.terminate();
    await bed.close();
  }
});

test("a gateway that stood still between the choice of a kept connection and the first byte on it takes another", async () => {
  const bed = await new Bed("node").open();
  const elsewhere = new Worker(elsewhereTo('ask("POST", () => post());'), {
    eval: true,
    workerData: { flag: new Int32Array(new SharedArrayBuffer(4)) },
  });
  let taken = 0;
  const { take } = Instance.prototype;
  const taking = vi.spyOn(Instance.prototype, "take").mockImplementation(function (this: Instance, how) {
    const line = take.call(this, how);
    taken += 1;
    if (taken === 2) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1500);
    return line;
  });
  try {
    const [port] = (await once(elsewhere, "message")) as [number];
    await bed.apply([{ port }]);
    const posted = once(elsewhere, "message");
    elsewhere.postMessage(bed.port);
    expect(await posted).toEqual([200]);
    expect(taken).toBe(3);
    expect(bed.troubles).toEqual([]);
  } finally {
    taking.mockRestore();
    await elsewhere.terminate();
    await bed.close();
  }
});
