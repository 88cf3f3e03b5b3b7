/**
 * Which statements are prepared: parsing and planning a statement of the kernel takes longer than running it.
 * 1. Only a text that was asked often is prepared, and only so many: the server keeps each on each connection for as long as that lives.
 * 2. A text with `*` never is: the result of a prepared one may not change, and a newer replica's migration adds columns.
 */
const ASKED_OFTEN = 5;
const PREPARED_LIMIT = 200;
const COUNTED_LIMIT = 1000;
const LONGEST_TEXT = 4000;

/** The names under which hot statements are prepared, the same on all connections of a pool. */
export class PreparedNames {
  readonly #names = new Map<string, string>();
  readonly #asked = new Map<string, number>();

  /** Null: this text is not to be prepared, or not yet. */
  nameOf(text: string): string | null {
    const known = this.#names.get(text);
    if (known !== undefined) return known;
    if (this.#names.size >= PREPARED_LIMIT || text.length > LONGEST_TEXT || text.includes("*")) return null;
    const asked = (this.#asked.get(text) ?? 0) + 1;
    if (asked < ASKED_OFTEN) {
      if (this.#asked.size >= COUNTED_LIMIT) this.#asked.clear();
      this.#asked.set(text, asked);
      return null;
    }
    this.#asked.delete(text);
    const name = `hot_${this.#names.size + 1}`;
    this.#names.set(text, name);
    return name;
  }
}
