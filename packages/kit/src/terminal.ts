import { stripVTControlCharacters } from "node:util";
import { cutTo, textWidth } from "@evenkeel/contracts/text-width";

/** How a piece of text is meant; a terminal without colours shows it plain. */
export type Tone = "plain" | "dim" | "bold" | "good" | "bad" | "busy" | "warn";
/** A line of text whose pieces know how they are meant. */
export type StyledLine = readonly { readonly text: string; readonly tone: Tone }[];

/** Where lines go: a terminal that can redraw, or a file, a pipe, a log of a build. */
export interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
}

/** What the output can do. */
export interface ScreenOptions {
  readonly output: Output;
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** Prints lines, and keeps a region of lines below them up to date where the output is a terminal. */
export interface Screen {
  /** True where `show` redraws; where it is false nothing is shown, and news are to be printed instead. */
  readonly live: boolean;
  readonly width: number;
  /** Lines that a region may have. */
  readonly rows: number;
  /** Prints lines that stay, above the region. */
  print(lines: readonly StyledLine[]): void;
  /** Replaces the region. */
  show(lines: readonly StyledLine[]): void;
  /** Leaves the region as it stands and ends it. */
  close(): void;
}

const CODES: Record<Tone, string> = {
  plain: "",
  dim: "\x1b[2m",
  bold: "\x1b[1m",
  good: "\x1b[32m",
  bad: "\x1b[31m",
  busy: "\x1b[36m",
  warn: "\x1b[33m",
};
const RESET = "\x1b[0m";
const HIDE_CURSOR = "\x1b[?25l";
const SHOW_CURSOR = "\x1b[?25h";
// Terminals that know it draw the whole region at once; the others ignore it.
const BEGIN_FRAME = "\x1b[?2026h";
const END_FRAME = "\x1b[?2026l";
const CLEAR_REST_OF_LINE = "\x1b[K";
const CLEAR_BELOW = "\x1b[J";
const DEFAULT_WIDTH = 80;
const DEFAULT_ROWS = 24;

/** Says whether colours are wanted: https://no-color.org, and FORCE_COLOR for builds that can show them. */
export function wantsColour({ output, env = process.env }: ScreenOptions): boolean {
  if (env.NO_COLOR) return false;
  if (env.FORCE_COLOR && env.FORCE_COLOR !== "0") return true;
  return output.isTTY === true && env.TERM !== "dumb";
}

/** Makes the screen of an output. */
export function createScreen({ output, env = process.env }: ScreenOptions): Screen {
  const colour = wantsColour({ output, env });
  const live = output.isTTY === true && env.TERM !== "dumb" && !env.CI;
  const width = () => output.columns ?? DEFAULT_WIDTH;
  const rows = () => Math.max((output.rows ?? DEFAULT_ROWS) - 1, 1);
  let drawn = NOTHING_DRAWN;
  let hidden = false;

  const toTop = () => {
    // A terminal that was made narrower since has broken lines in two.
    const height = drawn.columns.reduce((sum, columns) => sum + Math.max(1, Math.ceil(columns / width())), 0);
    return height > 0 ? `\r\x1b[${height}A` : "";
  };
  const ended = (text: string) => `${text}${live ? CLEAR_REST_OF_LINE : ""}\n`;

  return {
    live,
    get width() {
      return width();
    },
    get rows() {
      return rows();
    },
    print(lines) {
      if (lines.length === 0) return;
      const text = lines.map((line) => ended(styled(line, { width: Number.POSITIVE_INFINITY, colour }))).join("");
      const region = drawn.lines.map(ended).join("");
      output.write(live ? `${BEGIN_FRAME}${toTop()}${text}${region}${CLEAR_BELOW}${END_FRAME}` : text);
    },
    show(lines) {
      if (!live) return;
      const size = { width: width(), rows: rows() };
      // A region that is higher than the terminal cannot be redrawn: its end is what matters.
      const fitting = lines.slice(-size.rows);
      const next = fitting.map((line) => styled(line, { width: size.width - 1, colour }));
      const moved = size.width !== drawn.width || size.rows !== drawn.rows;
      const keeps = (text: string, index: number) => !moved && text === drawn.lines[index];
      const fewer = next.length < drawn.lines.length;
      if (next.every(keeps) && !fewer) return;
      // What stands there already is passed over: little is sent, and nothing flickers.
      const text = next.map((each, index) => (keeps(each, index) ? "\n" : ended(each))).join("");
      const hide = hidden ? "" : HIDE_CURSOR;
      output.write(`${BEGIN_FRAME}${hide}${toTop()}${text}${fewer || moved ? CLEAR_BELOW : ""}${END_FRAME}`);
      hidden = true;
      const columns = fitting.map((line) => textWidth(styled(line, { width: size.width - 1, colour: false })));
      drawn = { ...size, lines: next, columns };
    },
    close() {
      if (hidden) output.write(SHOW_CURSOR);
      hidden = false;
      drawn = NOTHING_DRAWN;
    },
  };
}

/** The region as it stands on the terminal: lines with their colours, the columns of each, the window that they were drawn for. */
interface Drawn {
  readonly lines: readonly string[];
  readonly columns: readonly number[];
  readonly width: number;
  readonly rows: number;
}
const NOTHING_DRAWN: Drawn = { lines: [], columns: [], width: 0, rows: 0 };

/** The text of a line, cut to a width, with or without colours. */
export function styled(line: StyledLine, { width, colour }: { width: number; colour: boolean }): string {
  const whole = line.reduce((sum, { text }) => sum + textWidth(text), 0);
  let room = whole > width ? width - 1 : width;
  let out = "";
  for (const { text, tone } of line) {
    const part = cutTo(stripVTControlCharacters(text).replace(/[\r\n\t]/g, " "), room);
    room -= textWidth(part);
    out += colour && CODES[tone] !== "" && part !== "" ? `${CODES[tone]}${part}${RESET}` : part;
  }
  return whole > width ? `${out}…` : out;
}
