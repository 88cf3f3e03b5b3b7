// Run as a process of its own: installs and removes modules that open something of each kind, and says what is left. Its heap is its own, so that
// nobody else's garbage is counted.
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { collectAll } from "../owner/memory.ts";
import { BaseBed } from "../testing.ts";

export const HEAP_PROGRAM = import.meta.filename;

/** What is left after so many installs and removals. */
export interface Remains {
  readonly modules: number;
  readonly heapBefore: number;
  readonly heapAfter: number;
  readonly growthPercent: number;
  readonly handlesBefore: readonly string[];
  readonly handlesAfter: readonly string[];
  readonly globals: readonly string[];
  readonly listeners: number;
  /** Kinds of things that the last one had open. */
  readonly closed: readonly string[];
}

const WARM_UP = 250;
const FILLER = Array.from({ length: 200 }, (_, index) => `function unused${index}(a, b) { return a * ${index} + b; }`);

// Never the same bytes twice: V8 would find code that it knows.
const moduleText = (index: number, port: number, leaks: boolean): string => `${FILLER.join("\n")}
const net = require("node:net");
const big = new Array(5000).fill(${index});
exports.activate = async ({ service }) => {
  globalThis.left_${index} = big;
  setInterval(() => big.length, 1000);
  setTimeout(() => big.length, 1e8);
  process.on("warning", () => big.length);
  const server = net.createServer(() => {});
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const socket = net.connect(${port}, "127.0.0.1");
  await new Promise((resolve) => socket.once("connect", resolve));
  ${leaks ? 'service("cupboard").put(() => big.length);' : ""}
  return { routes: (request, response) => { setTimeout(() => response.end("module ${index} " + big.length), 0); } };
};`;

async function main(count: number, mode: string): Promise<void> {
  const sink = createServer((socket) => socket.on("error", () => socket.destroy()));
  sink.listen(0, "127.0.0.1");
  await once(sink, "listening");
  const { port } = sink.address() as AddressInfo;
  const kept: unknown[] = [];
  const cupboard = { version: "1.0.0", service: { put: (thing: unknown) => void kept.push(thing) } };
  const bed = await BaseBed.open({ services: { cupboard } });
  let closed: readonly string[] = [];
  const one = async (index: number): Promise<void> => {
    const manifest = { name: "guest", version: `1.0.${index}`, provides: { routes: [{ path: "/guest" }] } };
    await bed.install({ ...manifest, needs: { services: { cupboard: {} } } }, moduleText(index, port, mode === "leak"));
    const { body } = await bed.get("/guest");
    if (body !== `module ${index} 5000`) throw new Error(`answered ${body}`);
    const { proof } = await bed.uninstall("guest", manifest.version);
    closed = proof.closed.map(({ kind }) => kind);
    bed.clean();
  };
  const measure = async () => {
    if (mode === "unforced") return process.memoryUsage().heapUsed;
    await collectAll();
    await new Promise((resolve) => setTimeout(resolve, 20));
    await collectAll();
    return process.memoryUsage().heapUsed;
  };
  for (let index = 0; index < WARM_UP; index += 1) await one(index);
  const heapBefore = await measure();
  const handlesBefore = process.getActiveResourcesInfo().sort();
  for (let index = 0; index < count; index += 1) await one(WARM_UP + index);
  const heapAfter = await measure();
  const remains: Remains = {
    modules: count,
    heapBefore,
    heapAfter,
    growthPercent: (heapAfter / heapBefore - 1) * 100,
    handlesBefore,
    handlesAfter: process.getActiveResourcesInfo().sort(),
    globals: Object.getOwnPropertyNames(globalThis).filter((name) => name.startsWith("left_")),
    listeners: process.listenerCount("warning"),
    closed,
  };
  console.log(JSON.stringify(remains));
  await bed[Symbol.asyncDispose]();
  sink.close();
}

if (process.argv[1] === HEAP_PROGRAM) await main(Number(process.argv[2]), process.argv[3] ?? "");
