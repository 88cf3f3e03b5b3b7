import type { LogReader } from "@evenkeel/agent-core/protocol";
import type { AgentMessage, AgentOrder, Letter } from "@evenkeel/contracts/agent-protocol";
import type { Instances } from "./instances.ts";
import { readPiece, sizeOfFile } from "./output-file.ts";

const FOLLOW_MS = 200;
/** Readers at the same time; one more ends the oldest. */
const READERS_LIMIT = 20;
/** Looked at from the end of a file for the last lines, in bytes. */
const TAIL_BYTES = 1024 ** 2;
const LINES_PER_MESSAGE = 500;
const LINE_LIMIT = 16_384;

type ReadLog = Extract<AgentOrder, { kind: "read-log" }>;
type LogLine = Extract<AgentMessage, { kind: "log" }>["lines"][number];

interface Source {
  readonly letter: Letter;
  readonly stream: "stdout" | "stderr";
  readonly path: string;
  offset: number;
  /** The beginning of a line whose end is not there yet. */
  rest: string;
}

/** Reads the log files of a slot: the last lines, then what comes, for as long as somebody asks. */
export class InstanceLogs implements LogReader {
  readonly #instances: Instances;
  readonly #readers = new Map<string, AbortController>();

  constructor(instances: Instances) {
    this.#instances = instances;
  }

  read(order: ReadLog, send: (message: AgentMessage) => void): void {
    const [oldest] = this.#readers.keys();
    if (this.#readers.size >= READERS_LIMIT && oldest !== undefined) this.end(oldest);
    const abort = new AbortController();
    this.#readers.set(order.readId, abort);
    void this.#readAll(order, send, abort.signal).finally(() => this.#readers.delete(order.readId));
  }

  end(readId: string): void {
    this.#readers.get(readId)?.abort();
    this.#readers.delete(readId);
  }

  endAll(): void {
    for (const readId of [...this.#readers.keys()]) this.end(readId);
  }

  async #readAll(order: ReadLog, send: (message: AgentMessage) => void, signal: AbortSignal): Promise<void> {
    const { readId } = order;
    const tell = (lines: LogLine[], end: boolean): void => {
      for (let at = 0; at < lines.length; at += LINES_PER_MESSAGE)
        send({ kind: "log", readId, lines: lines.slice(at, at + LINES_PER_MESSAGE), end: false });
      if (end) send({ kind: "log", readId, lines: [], end: true });
    };
    try {
      const sources = this.#sourcesOf(order.slot);
      for (const source of sources) tell(await lastLines(source, order.lines), false);
      while (order.follow && !signal.aborted) {
        for (const source of sources) tell(await newLines(source), false);
        this.#addNewSources(order.slot, sources);
        await new Promise((resolve) => setTimeout(resolve, FOLLOW_MS));
      }
    } finally {
      if (!signal.aborted) tell([], true);
    }
  }

  #sourcesOf(slot: ReadLog["slot"]): Source[] {
    return this.#instances.ofSlot(slot).flatMap((instance) =>
      (["stdout", "stderr"] as const).map((stream) => ({
        letter: instance.letter,
        stream,
        path: instance.logFile(stream),
        offset: 0,
        rest: "",
      })),
    );
  }

  /** A release that comes while somebody reads begins the other letter. */
  #addNewSources(slot: ReadLog["slot"], sources: Source[]): void {
    const known = new Set(sources.map(({ path }) => path));
    sources.push(...this.#sourcesOf(slot).filter(({ path }) => !known.has(path)));
  }
}

async function lastLines(source: Source, count: number): Promise<LogLine[]> {
  const size = await sizeOfFile(source.path);
  source.offset = Math.max(0, size - TAIL_BYTES);
  const text = (await readPiece(source.path, source.offset, TAIL_BYTES)).toString("utf8");
  source.offset = size;
  const lines = text.split("\n");
  source.rest = lines.pop() ?? "";
  return count === 0 ? [] : lines.slice(-count).map((line) => lineOf(source, line));
}

async function newLines(source: Source): Promise<LogLine[]> {
  const size = await sizeOfFile(source.path);
  // Rotated: what is there now is new.
  if (size < source.offset) source.offset = 0;
  const piece = await readPiece(source.path, source.offset);
  source.offset += piece.length;
  const lines = (source.rest + piece.toString("utf8")).split("\n");
  source.rest = (lines.pop() ?? "").slice(0, LINE_LIMIT);
  return lines.map((line) => lineOf(source, line));
}

function lineOf({ letter, stream }: Source, text: string): LogLine {
  return { letter, stream, text: text.slice(0, LINE_LIMIT) };
}
