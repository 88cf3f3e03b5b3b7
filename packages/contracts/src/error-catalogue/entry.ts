/** `never` = another input is needed; `later` = the same may succeed after a while; `same-key-now` = ask again with the same key; `after-refresh` = read the resource anew, then decide. */
export type Retry = "never" | "later" | "same-key-now" | "after-refresh";

/** What the catalogue says of one error. */
export interface Entry {
  readonly status: number;
  readonly retry: Retry;
  /** One sentence; `{name}` stands for a fact. */
  readonly title: string;
  /** What to do. */
  readonly remedy: string;
}

/** Makes an entry. */
export const entry = (status: number, retry: Retry, [title, remedy]: [title: string, remedy: string]): Entry => ({
  status,
  retry,
  title,
  remedy,
});
