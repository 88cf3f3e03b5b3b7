import { useInfiniteQuery } from "@tanstack/react-query";
import { type ReactNode, useId, useState } from "react";
import { useSearchParams } from "wouter";
import { Button } from "../kit/button.tsx";
import type { IconName } from "../kit/icon.tsx";
import { ErrorNotice } from "../kit/problem.tsx";
import { Card, Empty, Skeleton } from "../kit/surface.tsx";
import { TableFrame } from "../kit/table-frame.tsx";
import { type Key, useWords } from "../locale/index.tsx";
import { PageHead } from "../shell/page.tsx";
import "./list.css";

export interface Column<Item> {
  readonly name: Key;
  readonly show: (item: Item) => ReactNode;
}

export interface Filter {
  /** As the API's query has it; it stands in the address under the same name. */
  readonly name: string;
  readonly label: Key;
  /** Without them it is typed. */
  readonly options?: readonly { readonly value: string; readonly label: string }[];
}

type Query = Readonly<Record<string, string>>;

interface Page<Item> {
  readonly items: readonly Item[];
  readonly nextCursor: string | null;
}

interface ListPageProps<Item> {
  readonly title: Key;
  readonly lead?: ReactNode;
  /** Names it among what was read. */
  readonly of: string;
  readonly read: (query: Query) => Promise<Page<Item>>;
  readonly columns: readonly Column<Item>[];
  readonly keyOf: (item: Item) => string;
  readonly filters?: readonly Filter[];
  readonly empty: { readonly icon: IconName; readonly title: Key; readonly hint: Key; readonly command?: string };
  /** What the workspace's stream tells of them since they were read. */
  readonly live?: (items: readonly Item[]) => readonly Item[];
  readonly actions?: ReactNode;
  readonly above?: (items: readonly Item[]) => ReactNode;
  readonly below?: (items: readonly Item[]) => ReactNode;
}

/** A list with its filters in the address: whoever gets the address sees the same. */
export function ListPage<Item>(props: ListPageProps<Item>) {
  const { t } = useWords();
  const { title, lead, of, read, filters = [], live = (items) => items, actions, above, below } = props;
  const [search] = useSearchParams();
  const chosen = Object.fromEntries(filters.flatMap(({ name }) => pairOf(name, search.get(name))));
  const found = useInfiniteQuery({
    queryKey: ["list", of, chosen],
    queryFn: ({ pageParam }) => read({ ...chosen, ...(pageParam === null ? {} : { cursor: pageParam }) }),
    initialPageParam: null as string | null,
    getNextPageParam: ({ nextCursor }) => nextCursor,
  });
  const items = found.data === undefined ? [] : live(found.data.pages.flatMap((page) => page.items));
  return (
    <>
      <PageHead title={t(title)} lead={lead}>
        <Button look="quiet" icon="refresh" onClick={() => void found.refetch()} disabled={found.isFetching}>
          {t("common.refresh")}
        </Button>
        {actions}
      </PageHead>
      <div className="stack">
        {filters.length > 0 && <Filters filters={filters} />}
        {found.isError && <ErrorNotice error={found.error} />}
        {found.isSuccess && above?.(items)}
        {!found.isError && (
          <Card flush label={t(title)}>
            {found.isPending ? (
              <div className="card-body">
                <Skeleton lines={5} />
              </div>
            ) : (
              <Items {...props} items={items} filtered={Object.keys(chosen).length > 0} />
            )}
          </Card>
        )}
        {items.length > 0 && (
          <div className="row">
            <span className="faint grow">{t("common.showing", { count: items.length })}</span>
            {found.hasNextPage && (
              <Button disabled={found.isFetchingNextPage} onClick={() => void found.fetchNextPage()}>
                {t("common.more")}
              </Button>
            )}
          </div>
        )}
        {found.isSuccess && below?.(items)}
      </div>
    </>
  );
}

const pairOf = (name: string, value: string | null): [string, string][] =>
  value === null || value === "" ? [] : [[name, value]];

interface ItemsProps<Item> extends Pick<ListPageProps<Item>, "title" | "columns" | "keyOf" | "empty"> {
  readonly items: readonly Item[];
  readonly filtered: boolean;
}

function Items<Item>({ title, items, columns, keyOf, empty, filtered }: ItemsProps<Item>) {
  const { t } = useWords();
  if (items.length === 0) {
    return (
      <Empty icon={empty.icon} title={filtered ? t("list.none.filtered") : t(empty.title)}>
        {!filtered && <p>{t(empty.hint)}</p>}
        {!filtered && empty.command !== undefined && <code className="mono">{empty.command}</code>}
      </Empty>
    );
  }
  return (
    <TableFrame label={t(title)}>
      <table className="table">
        <thead>
          <tr>
            {columns.map(({ name }) => (
              <th key={name} scope="col">
                {t(name)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {items.map((item) => (
            <tr key={keyOf(item)}>
              {columns.map(({ name, show }) => (
                <td key={name}>{show(item)}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </TableFrame>
  );
}

function Filters({ filters }: { readonly filters: readonly Filter[] }) {
  const { t } = useWords();
  return (
    <search className="filters" aria-label={t("common.filter")}>
      {filters.map((filter) => (
        <OneFilter key={filter.name} filter={filter} />
      ))}
    </search>
  );
}

function OneFilter({ filter: { name, label, options } }: { readonly filter: Filter }) {
  const { t } = useWords();
  const [search, setSearch] = useSearchParams();
  const id = useId();
  const value = search.get(name) ?? "";
  const [typed, setTyped] = useState(value);
  const [told, setTold] = useState(value);
  // The address has another one: somebody went back, or chose the list anew.
  if (told !== value) {
    setTold(value);
    setTyped(value);
  }
  const choose = (next: string) =>
    setSearch(
      (now) => {
        if (next === "") now.delete(name);
        else now.set(name, next);
        return now;
      },
      { replace: true },
    );
  return (
    <div className="filter">
      <label className="faint" htmlFor={id}>
        {t(label)}
      </label>
      {options === undefined ? (
        <input
          id={id}
          className="input"
          value={typed}
          onChange={(event) => setTyped(event.target.value)}
          onBlur={() => typed !== value && choose(typed)}
          onKeyDown={(event) => event.key === "Enter" && choose(typed)}
        />
      ) : (
        <select id={id} className="input" value={value} onChange={(event) => choose(event.target.value)}>
          <option value="">{t("common.all")}</option>
          {options.map((option) => (
            <option key={option.value} value={option.value}>
              {option.label}
            </option>
          ))}
        </select>
      )}
    </div>
  );
}
