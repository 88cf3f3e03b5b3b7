import { randomUUID } from "node:crypto";
import type { AgentMessage, AgentOrder } from "@evenkeel/contracts/agent-protocol";
import type { ServiceId } from "@evenkeel/contracts/id";

type LogMessage = Extract<AgentMessage, { kind: "log" }>;

export interface LogRequest {
  readonly slot: ServiceId;
  readonly lines: number;
  readonly follow: boolean;
}

export interface LogSink {
  lines(lines: LogMessage["lines"]): void;
  end(): void;
}

/** The reads of log files that are under way on one connection. */
export class LogReads {
  readonly #send: (order: AgentOrder) => void;
  readonly #sinks = new Map<string, LogSink>();

  constructor(send: (order: AgentOrder) => void) {
    this.#send = send;
  }

  /** Starts a read; the answer ends it. */
  start(request: LogRequest, sink: LogSink): () => void {
    const readId = randomUUID();
    this.#sinks.set(readId, sink);
    this.#send({ kind: "read-log", readId, ...request });
    return () => {
      if (this.#sinks.delete(readId)) this.#send({ kind: "end-log", readId });
    };
  }

  receive({ readId, lines, end }: LogMessage): void {
    const sink = this.#sinks.get(readId);
    if (sink === undefined) return;
    if (lines.length > 0) sink.lines(lines);
    if (!end) return;
    this.#sinks.delete(readId);
    sink.end();
  }

  endAll(): void {
    for (const sink of this.#sinks.values()) sink.end();
    this.#sinks.clear();
  }
}
