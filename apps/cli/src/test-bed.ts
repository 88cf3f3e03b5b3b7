import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Change, ChangeTreeEvent } from "@evenkeel/contracts/change";
import { type ErrorCode, type Facts, problemDocument } from "@evenkeel/contracts/error";
import type { Output } from "@evenkeel/kit/terminal";
import { runCli } from "./run.ts";

export const TOKEN = "secret-token";

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly body: unknown;
}
/** What the API answers: a value, a stream of events, or a code of the catalogue. */
export type Answer =
  | { readonly value: unknown }
  | { readonly pictures: readonly Change[] }
  | { readonly code: ErrorCode; readonly facts: Facts };
export type Routes = Readonly<Record<string, (asked: Asked) => Answer>>;

export const value = (given: unknown): Answer => ({ value: given });
/** A stream of live pictures of a change that is cut after the last one. */
export const pictures = (...given: readonly Change[]): Answer => ({ pictures: given });
export const problem = (code: ErrorCode, facts: Facts = {}): Answer => ({ code, facts });

/** Who sits before a command: by default nobody, and its output goes to a file. */
export interface Sitting {
  /** Told all of standard output as soon as there is more of it. */
  readonly heard?: (stdout: string) => void;
  readonly terminal?: Omit<Output, "write">;
  /** A person is there to be asked. */
  readonly interactive?: boolean;
}

function send(response: ServerResponse, answer: Answer): void {
  if ("pictures" in answer) {
    const text = answer.pictures.map((change) => {
      const event: ChangeTreeEvent = { kind: "tree", change, states: {} };
      return `id: ${change.sequence}\ndata: ${JSON.stringify(event)}\n\n`;
    });
    response.writeHead(200, { "content-type": "text/event-stream" }).end(text.join(""));
    return;
  }
  const problem = "code" in answer ? problemDocument(answer.code, answer.facts) : null;
  const content = "code" in answer ? problem : answer.value;
  response.writeHead(problem?.status ?? 200, { "content-type": "application/json" }).end(JSON.stringify(content));
}

/** A real HTTP server that speaks the API, a platform's folder that names it, and the command with a home of its own. */
export async function startBed(routes: Routes) {
  const folder = mkdtempSync(join(tmpdir(), "cli-"));
  const asked: Asked[] = [];
  const server = createServer(async (request, response) => {
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece as Buffer);
    send(response, answerOf(request, Buffer.concat(pieces).toString()));
  });
  const answerOf = ({ method = "GET", url = "/", headers }: IncomingMessage, text: string): Answer => {
    const { pathname, searchParams } = new URL(url, "http://localhost");
    const path = pathname.replace("/api/v1", "");
    const body = text.startsWith("{") ? (JSON.parse(text) as unknown) : text;
    const one = { method, path, query: searchParams, body };
    asked.push(one);
    if (headers.authorization !== `Bearer ${TOKEN}`) return problem("TOKEN_UNKNOWN");
    const route = routes[`${method} ${path}`];
    return route === undefined ? problem("NOT_FOUND", { resource: `address ${path}` }) : route(one);
  };
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const home = join(folder, "home");
  mkdirSync(join(home, "run"), { recursive: true });
  writeFileSync(join(home, "run/endpoints.json"), JSON.stringify({ controlPlanes: [url], gateway: "", pid: 1 }));
  writeFileSync(join(home, "token"), `${TOKEN}\n`, { mode: 0o600 });
  const environment = { EVENKEEL_HOME: home, XDG_CONFIG_HOME: join(folder, "config"), HOME: folder };

  /** Runs one command line. */
  const run = async (
    line: readonly string[],
    env: Readonly<Record<string, string>> = {},
    { heard, terminal = {}, interactive = false }: Sitting = {},
  ) => {
    const out = { stdout: "", stderr: "" };
    const code = await runCli(line, {
      stdout: {
        ...terminal,
        write(text) {
          out.stdout += text;
          heard?.(out.stdout);
        },
      },
      stderr: { write: (text) => (out.stderr += text) },
      env: { ...environment, ...env },
      cwd: folder,
      interactive,
    });
    return { code, ...out };
  };
  const close = async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    rmSync(folder, { recursive: true, force: true });
  };
  return { url, folder, home, asked, run, close };
}
export type Bed = Awaited<ReturnType<typeof startBed>>;
