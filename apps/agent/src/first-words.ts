import type { Instance } from "./instance.ts";
import { readPiece } from "./output-file.ts";

/** What an instance says while a release waits for it: so many lines, and so many characters of each. */
const LINES = 40;
const LINE_CHARACTERS = 500;
/** Health is looked at more often than files are read. */
const LOOKS_PER_READ = 7;

interface Stream {
  readonly path: string;
  offset: number;
  rest: string;
}

/** The first lines that an instance has printed since its start, each told once. */
export class FirstWords {
  readonly #streams: readonly Stream[];
  readonly #tell: (text: string) => void;
  #left = LINES;
  #looks = 0;

  constructor(instance: Pick<Instance, "logFile" | "launched">, tell: (text: string) => void) {
    const { stdoutBytes = 0, stderrBytes = 0 } = instance.launched ?? {};
    this.#streams = [
      { path: instance.logFile("stdout"), offset: stdoutBytes, rest: "" },
      { path: instance.logFile("stderr"), offset: stderrBytes, rest: "" },
    ];
    this.#tell = tell;
  }

  /** Tells the lines that have come since the last look, if it is time for one. */
  async look(): Promise<void> {
    if (this.#looks % LOOKS_PER_READ === 0) await this.#read(false);
    this.#looks += 1;
  }

  /** Tells the rest, also a line that is not whole. */
  async end(): Promise<void> {
    await this.#read(true);
  }

  async #read(atTheEnd: boolean): Promise<void> {
    if (this.#left === 0) return;
    const lines: string[] = [];
    for (const stream of this.#streams) lines.push(...(await newLines(stream, atTheEnd)));
    const told = lines.filter((line) => line.trim() !== "").slice(0, this.#left);
    if (told.length === 0) return;
    this.#left -= told.length;
    const more = this.#left === 0 ? ["… and more: `evenkeel logs`"] : [];
    this.#tell(`${[...told.map((line) => line.slice(0, LINE_CHARACTERS)), ...more].join("\n")}\n`);
  }
}

async function newLines(stream: Stream, atTheEnd: boolean): Promise<string[]> {
  const piece = await readPiece(stream.path, stream.offset);
  stream.offset += piece.length;
  const lines = (stream.rest + piece.toString("utf8")).split("\n");
  stream.rest = atTheEnd ? "" : (lines.pop() ?? "").slice(0, LINE_CHARACTERS);
  return lines;
}
