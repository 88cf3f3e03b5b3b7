import { IncomingMessage, type ServerResponse } from "node:http";
import { valueAt } from "@evenkeel/contracts/json-path";
import { type ErrorCode, type Facts, PlatformError, problemDocument } from "@evenkeel/contracts/platform-error";
import { sentenceOf } from "../failure.ts";
import type { RequestHandler, UpgradeHandler } from "../module-api.ts";
import type { Board, Published } from "./board.ts";
import { longestBelow, pathOf } from "./path.ts";
import { asksBody, pick, type Question } from "./pick.ts";

/** Header in which a caller says who it is, for rules that split by it. */
const CALLER_HEADER = "x-evenkeel-caller";
const MOST_BODY_BYTES = 1024 ** 2;

/** What answers below a path: the handler of a module, entered as its code must be. */
export interface RouteValue {
  readonly serve: RequestHandler;
  /** Null: it takes none. */
  readonly upgrade: UpgradeHandler | null;
}

/** Finds who answers a request; false: no module does, so the base should. */
export function serveRequest(board: Board, request: IncomingMessage, response: ServerResponse): boolean {
  const url = request.url ?? "/";
  const route = longestBelow(board.paths, url);
  if (route === undefined) return false;
  const rules = board.rulesOf("route", route);
  const candidates = board.candidates<RouteValue>("route", route);
  const choose = (body: unknown): Published<RouteValue> | undefined =>
    pick({ rules, candidates, question: questionOf(request, pathOf(url), body), chance: Math.random });
  if (rules.length > 0 && asksBody(rules)) {
    void readBody(request).then(
      ({ replay, value }) => choose(value)?.value.serve(replay, response),
      (error: unknown) => answerError(response, error),
    );
    return true;
  }
  choose(undefined)?.value.serve(request, response);
  return true;
}

/** What rules may ask of a request. */
export function questionOf({ headers, url = "/" }: IncomingMessage, path: string, body: unknown): Question {
  const header = (name: string): string | undefined => {
    const value = headers[name.toLowerCase()];
    return Array.isArray(value) ? value[0] : value;
  };
  return {
    caller: header(CALLER_HEADER),
    header,
    query: (name) => new URLSearchParams(url.slice(path.length + 1)).get(name) ?? undefined,
    segment: (index) => path.split("/")[index + 1],
    body: (where) => valueAt(body, where),
  };
}

interface ReadBody {
  /** The request once more, with its body unread. */
  readonly replay: IncomingMessage;
  readonly value: unknown;
}

async function readBody(request: IncomingMessage): Promise<ReadBody> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MOST_BODY_BYTES) throw new PlatformError("BODY_TOO_LARGE", { limitBytes: MOST_BODY_BYTES });
    chunks.push(chunk);
  }
  const bytes = Buffer.concat(chunks);
  return { replay: replayOf(request, bytes), value: parsed(bytes) };
}

function parsed(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString("utf8"));
  } catch {
    return undefined;
  }
}

// Frameworks change the prototype of the request to one made from IncomingMessage, so it must be one.
function replayOf(request: IncomingMessage, body: Buffer): IncomingMessage {
  const replay = new IncomingMessage(request.socket);
  const { method, url, httpVersion, httpVersionMajor, httpVersionMinor, rawHeaders, headers } = request;
  Object.assign(replay, { method, url, httpVersion, httpVersionMajor, httpVersionMinor, rawHeaders, complete: true });
  replay.headers = headers;
  replay.push(body);
  replay.push(null);
  return replay;
}

/** Answers with a problem of the catalogue, where nothing was answered yet; a begun answer is cut, so that nobody takes it for whole. */
export function answerProblem(response: ServerResponse, code: ErrorCode, facts: Facts): void {
  if (response.headersSent) return void response.destroy();
  const document = problemDocument(code, facts);
  response.statusCode = document.status;
  if (document.status === 503) response.setHeader("retry-after", "1");
  response.setHeader("content-type", "application/problem+json");
  response.end(JSON.stringify(document));
}

/** Answers with what was thrown. */
export function answerError(response: ServerResponse, error: unknown, module = ""): void {
  if (error instanceof PlatformError) answerProblem(response, error.code, error.facts);
  else answerProblem(response, "MODULE_FAILED", { module, problem: sentenceOf(error) });
}
