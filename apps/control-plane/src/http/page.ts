import type { PageQuery } from "@evenkeel/contracts/endpoint";
import { PlatformError } from "@evenkeel/contracts/error";

/** Where a list goes on, and how many rows to read: one more than asked for tells whether there is a next page. */
export interface PageStart {
  /** The key of the last row of the page before; null = from the beginning. */
  readonly after: string | null;
  readonly rows: number;
}

/** Reads the opaque cursor. */
export function pageStart({ limit, cursor }: PageQuery): PageStart {
  return { after: cursor === undefined ? null : openCursor(cursor), rows: limit + 1 };
}

/** Makes the reply of a list from the rows that were read. */
export function toPage<Row, Item>(
  rows: readonly Row[],
  { limit }: PageQuery,
  { show, keyOf }: { readonly show: (row: Row) => Item; readonly keyOf: (row: Row) => string },
): { items: Item[]; nextCursor: string | null } {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  const more = rows.length > limit && last !== undefined;
  return { items: shown.map(show), nextCursor: more ? Buffer.from(keyOf(last)).toString("base64url") : null };
}

function openCursor(cursor: string): string {
  const key = Buffer.from(cursor, "base64url").toString();
  // Every key is an id or a name of ours; anything else did not come from us.
  if (!/^[\w./:@-]{1,150}$/.test(key)) {
    throw new PlatformError("INPUT_INVALID", { field: "cursor", problem: "cursor: not one that a list gave" });
  }
  return key;
}
