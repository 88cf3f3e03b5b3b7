const AGAIN_MS = 2000;
const lost = new WeakSet<Error>();

/**
 * Parts of the console are loaded when a page needs them. One that does not come has another name by now, because a newer console was
 * built; or nobody answers. The page is loaded anew by somebody who answers, and not before: else the browser's own page would take its place.
 */
export function watchParts(): void {
  addEventListener("vite:preloadError", ({ payload }) => {
    lost.add(payload);
    void reloadOnceServed();
  });
}

/** Whether this was thrown because a part did not come. */
export const isLostPart = (error: unknown): boolean => error instanceof Error && lost.has(error);

async function reloadOnceServed(): Promise<void> {
  while (!(await isServed())) await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
  location.reload();
}

async function isServed(): Promise<boolean> {
  try {
    return (await fetch(location.href, { method: "HEAD", cache: "no-store" })).ok;
  } catch {
    return false;
  }
}
