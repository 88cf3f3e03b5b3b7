import { stripVTControlCharacters } from "node:util";

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
  /** Columns of each line of the region, as it was drawn. */
  let shown: readonly number[] = [];
  let hidden = false;
  let last = "";

  const toTop = () => {
    // A terminal that was made narrower since has broken lines in two.
    const height = shown.reduce((sum, columns) => sum + Math.max(1, Math.ceil(columns / width())), 0);
    return height > 0 ? `\r\x1b[${height}A` : "";
  };
  const text = (lines: readonly StyledLine[], limit: number) =>
    lines.map((line) => `${styled(line, { width: limit, colour })}${live ? CLEAR_REST_OF_LINE : ""}\n`).join("");

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
      const plain = text(lines, Number.POSITIVE_INFINITY);
      output.write(live ? `${BEGIN_FRAME}${toTop()}${plain}${last}${CLEAR_BELOW}${END_FRAME}` : plain);
    },
    show(lines) {
      if (!live) return;
      // A region that is higher than the terminal cannot be redrawn: its end is what matters.
      const fitting = lines.slice(-rows());
      const next = text(fitting, width() - 1);
      if (next === last) return;
      output.write(`${BEGIN_FRAME}${hidden ? "" : HIDE_CURSOR}${toTop()}${next}${CLEAR_BELOW}${END_FRAME}`);
      hidden = true;
      shown = fitting.map((line) => textWidth(styled(line, { width: width() - 1, colour: false })));
      last = next;
    },
    close() {
      if (hidden) output.write(SHOW_CURSOR);
      hidden = false;
      shown = [];
      last = "";
    },
  };
}

/** The text of a line, cut to a width, with or without colours. */
export function styled(line: StyledLine, { width, colour }: { width: number; colour: boolean }): string {
  const whole = line.reduce((sum, { text }) => sum + textWidth(text), 0);
  let room = whole > width ? width - 1 : width;
  let out = "";
  for (const { text, tone } of line) {
    const part = cut(stripVTControlCharacters(text).replace(/[\r\n\t]/g, " "), room);
    room -= textWidth(part);
    out += colour && CODES[tone] !== "" && part !== "" ? `${CODES[tone]}${part}${RESET}` : part;
  }
  return whole > width ? `${out}…` : out;
}

/** How many columns a text takes: characters of East Asia take two. */
export function textWidth(text: string): number {
  let width = 0;
  for (const character of text) width += isWide(character.codePointAt(0) ?? 0) ? 2 : 1;
  return width;
}

/** A text filled up with blanks to a width. */
export function padTo(text: string, width: number): string {
  return text + " ".repeat(Math.max(width - textWidth(text), 0));
}

function cut(text: string, room: number): string {
  let out = "";
  let used = 0;
  for (const character of text) {
    used += textWidth(character);
    if (used > room) break;
    out += character;
  }
  return out;
}

function isWide(code: number): boolean {
  return (
    (code >= 0x1100 && code <= 0x115f) ||
    (code >= 0x2e80 && code <= 0xa4cf) ||
    (code >= 0xac00 && code <= 0xd7a3) ||
    (code >= 0xf900 && code <= 0xfaff) ||
    (code >= 0xfe30 && code <= 0xfe6f) ||
    (code >= 0xff00 && code <= 0xff60) ||
    (code >= 0xffe0 && code <= 0xffe6) ||
    (code >= 0x1f300 && code <= 0x1faff) ||
    (code >= 0x20000 && code <= 0x3fffd)
  );
}
