interface Page<Item> {
  readonly items: readonly Item[];
  readonly nextCursor: string | null;
}
type Paged<Item, Query> = (input: { query: Query }) => Promise<Page<Item>>;

/** Every item of a list, page by page as it is asked for. */
export async function* eachItem<Item, Query extends object>(
  list: Paged<Item, Query & { cursor?: string }>,
  query: Query,
): AsyncGenerator<Item> {
  let cursor: string | null = null;
  do {
    const page: Page<Item> = await list({ query: { ...query, ...(cursor === null ? {} : { cursor }) } });
    yield* page.items;
    cursor = page.nextCursor;
  } while (cursor !== null);
}

/** Every item of a list at once, at most `limit`. */
export async function allItems<Item, Query extends object>(
  list: Paged<Item, Query & { cursor?: string }>,
  query: Query,
  limit = 10_000,
): Promise<Item[]> {
  const items: Item[] = [];
  for await (const item of eachItem(list, query)) {
    items.push(item);
    if (items.length >= limit) break;
  }
  return items;
}
