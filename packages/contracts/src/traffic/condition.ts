import type { TableCondition } from "../route-table.ts";
import { bucketOf } from "./bucket.ts";
import { networkTest } from "./network.ts";

/** A request as rules see it; values as they were sent, undefined = not there. */
export interface RequestView {
  readonly path: string;
  readonly method: string;
  readonly source: string;
  readonly lane: string | undefined;
  header(name: string): string | undefined;
  cookie(name: string): string | undefined;
  query(name: string): string | undefined;
  /** Of a JSON body, as `bodyValue` reads it. */
  body(path: string): string | undefined;
}

/** The value of a field; `name` only of header, cookie, query and body. */
export function readField(
  view: RequestView,
  { field, name }: Pick<TableCondition, "field" | "name">,
): string | undefined {
  if (field === "header") return view.header(name);
  if (field === "cookie") return view.cookie(name);
  if (field === "query") return view.query(name);
  if (field === "body") return view.body(name);
  return view[field];
}

type Test = (value: string) => boolean;

function compileTest({ test }: TableCondition): Test {
  switch (test.kind) {
    case "present":
      return () => true;
    case "in": {
      const values = new Set(test.values);
      return (value) => values.has(value);
    }
    case "prefix":
      return (value) => value.startsWith(test.prefix);
    case "regex": {
      const regex = new RegExp(test.regex);
      return (value) => regex.test(value);
    }
    case "network": {
      const tests = test.networks.map(networkTest);
      return (value) => tests.some((isIn) => isIn(value));
    }
    case "percent":
      return (value) => bucketOf(test.salt, value) < test.basisPoints;
  }
}

/** Tells whether a value of the field fits the condition; undefined = the field is not there. */
export function valueTest(condition: TableCondition): (value: string | undefined) => boolean {
  const holds = compileTest(condition);
  const { not } = condition;
  return (value) => (value !== undefined && holds(value)) !== not;
}

/** Tells whether a request fits the condition. */
export function compileCondition(condition: TableCondition): (view: RequestView) => boolean {
  const fits = valueTest(condition);
  return (view) => fits(readField(view, condition));
}

/** What a user is known by: the first key that is there and not empty, else the address he comes from. */
export function userKeyOf(
  view: RequestView,
  keys: readonly ({ readonly cookie: string } | { readonly header: string })[],
): string {
  for (const key of keys) {
    const value = "cookie" in key ? view.cookie(key.cookie) : view.header(key.header);
    if (value !== undefined && value !== "") return value;
  }
  return view.source;
}
