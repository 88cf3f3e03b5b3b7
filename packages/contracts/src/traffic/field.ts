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
