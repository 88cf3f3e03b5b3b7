import { type Line, line, type Span, span } from "@evenkeel/client/text/line";
import { padTo, textWidth } from "@evenkeel/contracts/text-width";

export interface Column<Item> {
  readonly title: string;
  readonly value: (item: Item) => string | Span;
  /** Numbers: their last digits stand below each other. */
  readonly right?: boolean;
}

/** A table; empty lists say so in words. */
export function table<Item>(items: readonly Item[], columns: readonly Column<Item>[], empty: string): Line[] {
  if (items.length === 0) return [line(span(empty, "dim"))];
  const rows = items.map((item) => columns.map(({ value }) => asSpan(value(item))));
  const widths = columns.map(({ title }, index) =>
    Math.max(title.length, ...rows.map((row) => textWidth(row[index]?.text ?? ""))),
  );
  const fill = (text: string, index: number): string => {
    const width = widths[index] ?? 0;
    const isLast = index === columns.length - 1;
    if (columns[index]?.right) return `${" ".repeat(Math.max(0, width - textWidth(text)))}${text}${isLast ? "" : "  "}`;
    return isLast ? text : `${padTo(text, width)}  `;
  };
  return [
    line(...columns.map(({ title }, index) => span(fill(title, index), "dim"))),
    ...rows.map((row) => line(...row.map(({ text, tone }, index) => span(fill(text, index), tone)))),
  ];
}

/** Names and values below each other. */
export function details(entries: readonly (readonly [name: string, value: string | Span])[]): Line[] {
  const width = Math.max(...entries.map(([name]) => name.length));
  return entries.map(([name, value]) => line(span(`${name.padEnd(width)}  `, "dim"), value));
}

const asSpan = (value: string | Span): Span => (typeof value === "string" ? span(value) : value);
