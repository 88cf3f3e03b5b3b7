import { expect, test } from "vitest";
import { createScreen, type StyledLine, styled, wantsColour } from "./terminal.ts";

const line = (text: string): StyledLine => [{ text, tone: "plain" }];

/** What a terminal of this size shows after these bytes: enough of VT100 for what a screen writes. */
function terminal(columns: number, rows: number) {
  const lines: string[] = [""];
  let [row, column] = [0, 0];
  const controls: Record<string, (count: number) => void> = {
    A: (count) => {
      row = Math.max(0, row - count);
    },
    K: () => {
      lines[row] = (lines[row] ?? "").slice(0, column);
    },
    J: () => {
      lines.length = row + 1;
      lines[row] = "";
    },
  };
  const characters: Record<string, () => void> = {
    "\n": () => {
      row += 1;
      column = 0;
      lines[row] ??= "";
    },
    "\r": () => {
      column = 0;
    },
  };
  const put = (character: string) => {
    lines[row] = (lines[row] ?? "").slice(0, column) + character;
    column += 1;
  };
  const written: string[] = [];
  const write = (text: string) => {
    written.push(text);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control sequences are what a terminal reads
    for (const [, count, letter, plain = ""] of text.matchAll(/\x1b\[\??(\d*)([A-Za-z])|([^\x1b])/g)) {
      if (letter !== undefined) controls[letter]?.(Number(count || 1));
      else (characters[plain] ?? (() => put(plain)))();
    }
  };
  const output = { write, isTTY: true, columns, rows, lines, written };
  /** As terminals do it when their window is made narrower: what no longer fits goes on in the next row. */
  const narrow = (to: number) => {
    const broken = lines.slice(0, row).flatMap((each) => each.match(new RegExp(`.{1,${to}}`, "g")) ?? [""]);
    lines.splice(0, row, ...broken);
    row = broken.length;
    output.columns = to;
  };
  return Object.assign(output, { narrow });
}

test("the region is redrawn in place, and what is printed stays above it", () => {
  const output = terminal(40, 10);
  const screen = createScreen({ output, env: {} });
  screen.show([line("one"), line("two"), line("three")]);
  screen.print([line("news")]);
  screen.show([line("ONE"), line("two")]);
  screen.close();
  expect(output.lines).toEqual(["news", "ONE", "two", ""]);
});

test("a window that is made narrower breaks lines, and the next picture still takes the place of all of them", () => {
  const output = terminal(40, 20);
  const screen = createScreen({ output, env: {} });
  screen.print([line("before")]);
  screen.show([line("a line of twenty-seven chars"), line(""), line("short")]);
  output.narrow(12);
  screen.show([line("A LINE OF TWENTY-SEVEN CHARS"), line(""), line("SHORT")]);
  expect(output.lines).toEqual(["before", "A LINE OF …", "", "SHORT", ""]);
});

test("an unchanged region writes nothing, so nothing flickers", () => {
  const output = terminal(40, 10);
  const screen = createScreen({ output, env: {} });
  screen.show([line("one")]);
  const before = output.written.length;
  screen.show([line("one")]);
  expect(output.written).toHaveLength(before);
});

test("of a picture in which one line has moved that line is sent, and no other", () => {
  const output = terminal(40, 10);
  const screen = createScreen({ output, env: {} });
  screen.show([line("head"), line("host 1"), line("foot")]);
  screen.show([line("head"), line("host 2"), line("foot")]);
  expect(output.lines).toEqual(["head", "host 2", "foot", ""]);
  const last = output.written.at(-1) ?? "";
  expect([last.includes("host 2"), last.includes("head"), last.includes("foot")]).toEqual([true, false, false]);
  screen.show([line("head")]);
  expect(output.lines).toEqual(["head", ""]);
  output.rows = 5;
  screen.show([line("head")]);
  expect(output.written.at(-1)).toContain("head");
});

test("lines never wrap, and a region never outgrows the terminal", () => {
  const output = terminal(10, 4);
  const screen = createScreen({ output, env: {} });
  screen.show(Array.from({ length: 9 }, (_, index) => line(`line ${index} is long`)));
  expect(output.lines).toEqual(["line 6 i…", "line 7 i…", "line 8 i…", ""]);
});

test("in a pipe, in a build and on a dumb terminal nothing is redrawn and lines are whole", () => {
  for (const { isTTY, env } of [
    { isTTY: false, env: {} },
    { isTTY: true, env: { CI: "true" } },
    { isTTY: true, env: { TERM: "dumb" } },
  ]) {
    const output = { ...terminal(10, 4), isTTY };
    const screen = createScreen({ output, env });
    screen.show([line("region")]);
    screen.print([line("a line that is longer than ten")]);
    screen.close();
    expect(output.written).toEqual(["a line that is longer than ten\n"]);
  }
});

test("colours go where they are wanted and nowhere else", () => {
  const output = terminal(10, 4);
  expect(wantsColour({ output, env: {} })).toBe(true);
  expect(wantsColour({ output, env: { NO_COLOR: "1" } })).toBe(false);
  expect(wantsColour({ output: { ...output, isTTY: false }, env: {} })).toBe(false);
  expect(wantsColour({ output: { ...output, isTTY: false }, env: { FORCE_COLOR: "1" } })).toBe(true);
  const bad: StyledLine = [{ text: "failed", tone: "bad" }];
  expect(styled(bad, { width: 10, colour: true })).toBe("\x1b[31mfailed\x1b[0m");
  expect(styled(bad, { width: 10, colour: false })).toBe("failed");
});

test("an application's output cannot move the cursor of who watches it", () => {
  expect(styled(line("a\x1b[2Jb\tc"), { width: 20, colour: true })).toBe("ab c");
});

test("a line of Chinese characters is cut where its columns end", () => {
  expect(styled(line("服务器服务器"), { width: 7, colour: false })).toBe("服务器…");
});
