import { valueAt } from "../json-path.ts";

/** Of a Cookie header: the first cookie of this name, as it was sent. */
export const cookieOf = (header: string | undefined, name: string): string | undefined =>
  header === undefined ? undefined : valueIn(header, name, COOKIE_END);

/** Of a query without its question mark: the first parameter of this name that has a value, as it was sent. */
export const parameterOf = (query: string, name: string): string | undefined => valueIn(query, name, PARAMETER_END);

const COOKIE_END = /;[ \t]*/;
// HAProxy's url_param parts them so too.
const PARAMETER_END = /[&;]/;

function valueIn(text: string, name: string, end: RegExp): string | undefined {
  if (!text.includes(`${name}=`)) return undefined;
  const pair = text.split(end).find((each) => each.startsWith(`${name}=`));
  return pair?.slice(name.length + 1);
}

/** Of a JSON body: the text, number or boolean at a path as `customer.tier` or `items.0.sku`; anything else is not there. */
export function bodyValue(json: unknown, path: string): string | undefined {
  const value = valueAt(json, path);
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean"
    ? String(value)
    : undefined;
}

/** A body as JSON; undefined where it is none. */
export function parseBody(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
