import { type IncomingMessage, STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { type ErrorCode, type Facts, PlatformError, problemDocument } from "@evenkeel/contracts/platform-error";
import { sentenceOf } from "../failure.ts";
import type { Board } from "./board.ts";
import { longestBelow, pathOf } from "./path.ts";
import { pick } from "./pick.ts";
import { questionOf, type RouteValue } from "./requests.ts";

/** A request to leave HTTP, as Node's server tells it. */
export interface Upgrade {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  /** What the client has sent behind its request. */
  readonly head: Buffer;
}

/** Finds who takes an upgrade; false: no module takes any below this path, so it is the base's. */
export function serveUpgrade(board: Board, { request, socket, head }: Upgrade): boolean {
  const path = pathOf(request.url ?? "/");
  const route = longestBelow(board.paths, path);
  if (route === undefined) return false;
  const candidates = board.candidates<RouteValue>("route", route);
  if (candidates.every(({ value }) => value.upgrade === null)) return false;
  const rules = board.rulesOf("route", route);
  // There is no body that a rule could ask.
  const question = questionOf(request, path, undefined);
  const chosen = pick({ rules, candidates, question, chance: Math.random });
  if (chosen === undefined) return false;
  const facts = { module: `${chosen.module}@${chosen.version}`, path: route };
  if (chosen.value.upgrade === null) refuseUpgrade(socket, "UPGRADE_REFUSED", facts);
  else chosen.value.upgrade(request, socket, head);
  return true;
}

/** Answers in the place of an upgrade with a problem of the catalogue. */
export function refuseUpgrade(socket: Duplex, code: ErrorCode, facts: Facts): void {
  const document = problemDocument(code, facts);
  const body = Buffer.from(JSON.stringify(document));
  const again = document.status === 503 ? ["retry-after: 1"] : [];
  const lines = [
    `HTTP/1.1 ${document.status} ${STATUS_CODES[document.status] ?? ""}`,
    ...["connection: close", "content-type: application/problem+json", `content-length: ${body.length}`, ...again],
  ];
  socket.on("error", () => undefined);
  socket.end(Buffer.concat([Buffer.from(`${lines.join("\r\n")}\r\n\r\n`), body]), () => socket.destroy());
}

/** The same with what was thrown. */
export function refuseWithError(socket: Duplex, error: unknown, module: string): void {
  if (error instanceof PlatformError) refuseUpgrade(socket, error.code, error.facts);
  else refuseUpgrade(socket, "MODULE_FAILED", { module, problem: sentenceOf(error) });
}
