// The HTTP API of Arklet, so that tools of the SOFAArk family can drive this base. It knows no authentication: it listens on the loopback alone, and only
// where the base was made with it. What comes in here has the origin `arklet`, which Evenkeel shows as drift.
import { once } from "node:events";
import { rm } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { hostname } from "node:os";
import { PlatformError } from "@evenkeel/contracts/error";
import { z } from "zod";
import { readJson } from "../control/server.ts";
import { sentenceOf } from "../failure.ts";
import { runAsBase } from "../owner/owner.ts";
import { makeScratchFolder } from "../scratch-folder.ts";
import { type Answered, type ArkletGround, COMMANDS } from "./commands.ts";

const FIRST_PORT = 1238;
const LAST_PORT = 1337;
const MOST_RECORDS = 200;

type Envelope = Omit<Answered, "code"> & { readonly code: string; readonly errorStackTrace?: string };

interface Record {
  readonly requestId: string;
  readonly arkBizMeta: object;
  status: "INITIALIZED" | "EXECUTING" | "SUCCEEDED" | "FAILED";
  message?: string;
  readonly startTime: string;
  readonly startTimestamp: number;
  endTime?: string;
  endTimestamp?: number;
  elapsedTime?: number;
}

export interface ArkletServer {
  readonly port: number;
  close(): Promise<void>;
}

/** Opens the API on the loopback; without a port on the first free one of 1238 to 1337. */
export async function openArklet(ground: Omit<ArkletGround, "folder">, port?: number): Promise<ArkletServer> {
  const folder = makeScratchFolder("arklet");
  const api = new Arklet({
    ...ground,
    perform: ground.perform.bind(ground),
    report: ground.report.bind(ground),
    folder,
  });
  const server = createServer((request, response) => void runAsBase(() => api.answer(request, response)));
  await listen(server, port);
  server.unref();
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function listen(server: Server, port?: number): Promise<void> {
  const [first, last] = port === undefined ? [FIRST_PORT, LAST_PORT] : [port, port];
  for (let candidate = first; ; candidate += 1) {
    try {
      server.listen(candidate, "127.0.0.1");
      await once(server, "listening");
      return;
    } catch (error) {
      if (candidate >= last) throw error;
    }
  }
}

class Arklet {
  readonly #ground: ArkletGround;
  readonly #records = new Map<string, Record>();

  constructor(ground: ArkletGround) {
    this.#ground = ground;
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method !== "POST") {
      response.writeHead(500, { connection: "close" }).end("POST http request only supported by arklet");
      return;
    }
    const envelope = await this.#perform(request).catch(asEnvelope);
    response.writeHead(200, { "content-type": "application/json", connection: "close" });
    response.end(JSON.stringify({ ...envelope, baseIdentity: hostname() }));
  }

  async #perform(request: IncomingMessage): Promise<Envelope> {
    const name = (request.url ?? "/").slice(1).replace(/\?.*$/, "");
    const body = await readJson(request);
    if (name === "help") return { code: "SUCCESS", data: help() };
    if (name === "queryBizOps") return this.#queryOperation(body);
    const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
    if (command === undefined) return { code: "CMD_NOT_FOUND", message: "please follow the doc" };
    const run = (): Promise<Answered> => command.run(this.#ground, body);
    return isAsync(body) ? this.#inBackground(body, run) : await run();
  }

  #queryOperation(body: unknown): Envelope {
    const { requestId } = z.object({ requestId: z.string({ error: "requestId should not be blank" }) }).parse(body);
    const record = this.#records.get(requestId);
    if (record === undefined) return { code: "FAILED", message: "Not found the corresponding ops record." };
    return { code: "SUCCESS", data: record };
  }

  #inBackground(body: AsyncBody, run: () => Promise<Answered>): Envelope {
    const { requestId, bizName, bizVersion } = body;
    if (requestId === undefined) throw new PlatformError("INPUT_INVALID", { problem: "requestId should not be blank" });
    if (this.#records.has(requestId)) return { code: "FAILED", message: `${requestId} has been executed` };
    const at = new Date();
    const record: Record = {
      ...{ requestId, arkBizMeta: { bizName, bizVersion, requestId, async: true }, status: "INITIALIZED" },
      ...{ startTime: at.toISOString(), startTimestamp: at.getTime() },
    };
    this.#records.set(requestId, record);
    const [oldest] = this.#records.keys();
    if (this.#records.size > MOST_RECORDS && oldest !== undefined) this.#records.delete(oldest);
    const end = ({ code, message, data }: Envelope): void => {
      record.status = code === "SUCCESS" ? "SUCCEEDED" : "FAILED";
      record.message = message ?? (data as { message?: string } | undefined)?.message ?? "";
      const endedAt = new Date();
      record.endTime = endedAt.toISOString();
      record.endTimestamp = endedAt.getTime();
      record.elapsedTime = record.endTimestamp - record.startTimestamp;
    };
    const begun = { ...record };
    record.status = "EXECUTING";
    void run().catch(asEnvelope).then(end);
    return { code: "SUCCESS", data: begun };
  }
}

const help = () => [
  ...Object.entries(COMMANDS).map(([id, { desc }]) => ({ id, desc })),
  { id: "queryBizOps", desc: "query what became of an asynchronous command" },
  { id: "help", desc: "list all commands" },
];

interface AsyncBody {
  readonly async: true;
  readonly requestId?: string;
  readonly bizName?: string;
  readonly bizVersion?: string;
}

const isAsync = (body: unknown): body is AsyncBody =>
  typeof body === "object" && body !== null && "async" in body && body.async === true;

function asEnvelope(error: unknown): Envelope {
  const known = error instanceof PlatformError ? error : undefined;
  const cause = known?.cause instanceof Error ? known.cause : error;
  const errorStackTrace = cause instanceof Error ? (cause.stack ?? "") : "";
  const busy = known?.code === "MODULE_BUSY";
  if (busy) {
    const message = `conflict, exist unfinished command(${String(known.facts.operation)}) for this biz`;
    return { code: "FAILED", message, errorStackTrace };
  }
  if (known?.code === "INPUT_INVALID") return { code: "FAILED", message: known.message, errorStackTrace };
  const reason = error instanceof z.ZodError ? (error.issues[0]?.message ?? "") : sentenceOf(error);
  return { code: "CMD_PROCESS_INTERNAL_ERROR", message: `Internal Error: ${reason}`, errorStackTrace };
}
