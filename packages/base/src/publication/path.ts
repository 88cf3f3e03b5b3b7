/** The path of a request without its query. */
export function pathOf(url: string): string {
  const end = url.indexOf("?");
  return end < 0 ? url : url.slice(0, end);
}

/** The first of these prefixes (longest first) that the request is below; `/prices` is not above `/pricesless`. */
export function longestBelow(prefixes: readonly string[], url: string): string | undefined {
  const path = pathOf(url);
  return prefixes.find((prefix) => isBelow(path, prefix));
}

function isBelow(path: string, prefix: string): boolean {
  if (prefix === "/" || path === prefix) return true;
  return path.startsWith(prefix.endsWith("/") ? prefix : `${prefix}/`);
}
