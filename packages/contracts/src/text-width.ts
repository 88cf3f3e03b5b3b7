/** How many columns of a terminal a text takes: characters of East Asia take two, marks upon others none. */
export function textWidth(text: string): number {
  if (NARROW.test(text)) return text.length;
  let width = 0;
  for (const character of text) width += widthOf(character);
  return width;
}

/** A text filled up with blanks to a width. */
export function padTo(text: string, width: number): string {
  return text + " ".repeat(Math.max(width - textWidth(text), 0));
}

/** The beginning of a text that fits into so many columns. */
export function cutTo(text: string, columns: number): string {
  let out = "";
  let used = 0;
  for (const character of text) {
    used += widthOf(character);
    if (used > columns) break;
    out += character;
  }
  return out;
}

/** A text that fits into so many columns: of a longer one its beginning and its end, because names often differ there. */
export function shortenTo(text: string, columns: number): string {
  if (textWidth(text) <= columns) return text;
  const head = cutTo(text, Math.ceil((columns - 1) / 2));
  const tail = [...text].reverse().join("");
  return `${head}…${[...cutTo(tail, columns - 1 - textWidth(head))].reverse().join("")}`;
}

const NARROW = /^[\x20-\x7e]*$/;
const UPON_OTHERS = /^[\p{M}\p{Cf}]$/u;

function widthOf(character: string): number {
  const code = character.codePointAt(0) ?? 0;
  if (code < 0x300) return 1;
  if (isWide(code)) return 2;
  return UPON_OTHERS.test(character) ? 0 : 1;
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
