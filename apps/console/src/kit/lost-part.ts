const AGAIN_MS = 2000;
const lost = new WeakSet<Error>();

/** Parts of the console are loaded when a page needs them: remembers the errors of those that did not come. */
export function watchParts(): void {
  addEventListener("vite:preloadError", ({ payload }) => void lost.add(payload));
}

/** Whether this was thrown because a part did not come: it has another name in a console that was built since, or nobody answers. */
export const isLostPart = (error: unknown): boolean => error instanceof Error && lost.has(error);

/** Loads the page anew once somebody answers, and not before: else the browser's own page would take its place. */
export async function reloadOnceServed(signal: AbortSignal): Promise<void> {
  while (!signal.aborted && !(await isServed())) await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
  if (!signal.aborted) location.reload();
}

async function isServed(): Promise<boolean> {
  try {
    // Only who asks for a page is given one.
    const headers = { accept: "text/html" };
    return (await fetch(location.href, { method: "HEAD", cache: "no-store", headers })).ok;
  } catch {
    return false;
  }
}
