import { once } from "node:events";
import { chmod, rm } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import {
  BASE_OPERATIONS,
  BASE_PATH,
  type BaseOperation,
  type BaseReport,
  WATCH_PATH,
} from "@evenkeel/contracts/base-protocol";
import { ERRORS, PlatformError } from "@evenkeel/contracts/error";
import { z } from "zod";
import { failureOf } from "../lifecycle/module-instance.ts";
import { runAsBase } from "../owner/owner.ts";

/** What the control server offers to the agent. */
export interface Controlled {
  perform(operation: BaseOperation, input: never): Promise<unknown>;
  report(): BaseReport;
  onAlter(listener: () => void): () => void;
}

export interface ControlServer {
  close(): Promise<void>;
}

const MOST_INPUT_BYTES = 4 * 1024 ** 2;

/** Listens on a unix socket that only this user may open. */
export async function openControl(controlled: Controlled, path: string): Promise<ControlServer> {
  const server = createServer((request, response) => void runAsBase(() => answer(controlled, request, response)));
  await rm(path, { force: true });
  // Bound in this very call: the socket is never open to others, not even for a moment.
  const mask = process.umask(0o177);
  server.listen(path);
  process.umask(mask);
  await once(server, "listening");
  await chmod(path, 0o600);
  server.unref();
  return { close: () => closeServer(server) };
}

async function closeServer(server: Server): Promise<void> {
  const closed = once(server, "close");
  server.close();
  server.closeAllConnections();
  await closed;
}

async function answer(controlled: Controlled, request: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    const { method, url = "" } = request;
    if (method === "GET" && url === WATCH_PATH) return watch(controlled, response);
    const operation = url.startsWith(`${BASE_PATH}/`) ? url.slice(BASE_PATH.length + 1) : url;
    if (method !== "POST" || !isOperation(operation)) throw new PlatformError("BASE_OPERATION_UNKNOWN", { operation });
    const input = BASE_OPERATIONS[operation].input.safeParse(await readJson(request));
    if (!input.success) throw new PlatformError("INPUT_INVALID", { problem: oneLine(z.prettifyError(input.error)) });
    send(response, 200, await controlled.perform(operation, input.data as never));
  } catch (error) {
    const failure = failureOf("base", error);
    send(response, ERRORS[failure.problem.code].status, failure);
  }
}

const isOperation = (name: string): name is BaseOperation => Object.hasOwn(BASE_OPERATIONS, name);
const oneLine = (text: string): string => text.replaceAll("\n", " ");

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
}

/** The whole body as JSON; an empty one is an empty object. */
export async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MOST_INPUT_BYTES) throw new PlatformError("BODY_TOO_LARGE", { limitBytes: MOST_INPUT_BYTES });
    chunks.push(chunk);
  }
  const text = Buffer.concat(chunks).toString("utf8");
  if (text.trim() === "") return {};
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new PlatformError("INPUT_INVALID", { problem: error instanceof Error ? error.message : "no JSON" });
  }
}

function watch(controlled: Controlled, response: ServerResponse): void {
  response.writeHead(200, { "content-type": "application/x-ndjson" });
  let due = false;
  let full = false;
  // An operation alters several things in one turn, and a slow reader is behind: both get the newest report, not all of those between.
  const tell = (): void => {
    if (due || full) return;
    due = true;
    setImmediate(() => {
      due = false;
      full = !response.write(`${JSON.stringify(controlled.report())}\n`);
    });
  };
  response.on("drain", () => {
    full = false;
    tell();
  });
  response.on("close", controlled.onAlter(tell));
  tell();
}
