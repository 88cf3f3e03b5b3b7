import type { ServerResponse } from "node:http";
import { STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { type ErrorCode, type Facts, type ProblemDocument, problemDocument } from "@evenkeel/contracts/error";

/** The gateway's own answer to a request, as a problem document; its status. */
export function answerProblem(res: ServerResponse, code: ErrorCode, facts: Facts): number {
  return send(res, problemDocument(code, facts));
}

/** The same where it is known when another request may come. */
export function answerAgain(
  res: ServerResponse,
  code: ErrorCode,
  { againMs, ...facts }: Facts & { againMs: number },
): number {
  return send(res, problemDocument(code, facts), againMs);
}

/** The answer of a drill, with the status that it asks for. */
export function answerFault(res: ServerResponse, status: number, facts: Facts): void {
  send(res, { ...problemDocument("FAULT_INJECTED", facts), status });
}

function send(res: ServerResponse, problem: ProblemDocument, againMs = 0): number {
  const body = Buffer.from(JSON.stringify(problem));
  const headers: string[] = ["content-type", "application/problem+json", "content-length", String(body.length)];
  const again = String(Math.max(1, Math.ceil(againMs / 1000)));
  if (problem.status === 503 || problem.status === 429) headers.push("retry-after", again);
  res.writeHead(problem.status, headers);
  res.end(body);
  return problem.status;
}

/** The same to a connection whose request could not be read, after which it is closed. */
export function refuseConnection(socket: Duplex, code: ErrorCode, facts: Facts): void {
  const problem = problemDocument(code, facts);
  const body = JSON.stringify(problem);
  socket.end(
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status] ?? ""}\r\nconnection: close\r\ncontent-type: application/problem+json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}
