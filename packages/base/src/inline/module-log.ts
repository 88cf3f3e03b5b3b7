import { Console } from "node:console";
import { Writable } from "node:stream";

/** A line that a module wrote. */
export interface LogLine {
  readonly at: string;
  readonly stream: "stdout" | "stderr";
  readonly text: string;
}

const MOST_LINES = 1000;
const MOST_LINE_CHARACTERS = 4000;

/** The last lines of one module; all that it writes goes on to the streams of the base, under its name. */
export class ModuleLog {
  readonly console: Console;
  readonly #tell: (stream: LogLine["stream"], text: string) => void;
  readonly #lines: LogLine[] = [];

  /** `tell` is where lines go at once; default: the streams of this process. */
  constructor(name: string, tell?: (stream: LogLine["stream"], text: string) => void) {
    this.#tell = tell ?? ((stream, text) => void process[stream].write(`[${name}] ${text}\n`));
    this.console = new Console({ stdout: this.#stream("stdout"), stderr: this.#stream("stderr") });
  }

  add(stream: LogLine["stream"], text: string): void {
    this.#lines.push({ at: new Date().toISOString(), stream, text: text.slice(0, MOST_LINE_CHARACTERS) });
    if (this.#lines.length > MOST_LINES) this.#lines.shift();
    this.#tell(stream, text);
  }

  last(count: number): LogLine[] {
    return this.#lines.slice(-count);
  }

  #stream(stream: LogLine["stream"]): Writable {
    return new Writable({
      decodeStrings: false,
      write: (chunk: string | Buffer, _encoding, done) => {
        for (const text of String(chunk).replace(/\n$/, "").split("\n")) this.add(stream, text);
        done();
      },
    });
  }
}
