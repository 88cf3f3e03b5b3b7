import { createClient } from "@evenkeel/client/client";
import { CONSOLE_HEADER } from "@evenkeel/contracts/session";
import { QueryClient } from "@tanstack/react-query";

/** Same origin, with the session's cookie: the browser adds it, and the header says that it is us who ask. */
export const client = createClient({
  // Only to be named where it does not answer.
  url: globalThis.location?.origin ?? "",
  fetch: async (input, init) => {
    const headers = { ...headersOf(init), [CONSOLE_HEADER]: "1" };
    const response = await fetch(input, { ...init, credentials: "same-origin", headers });
    // The session has ended while its page stood there: who one is is asked anew, and the way in comes in place of the page.
    if (response.status === 401 && !String(input).endsWith(WHO)) void queries.invalidateQueries({ queryKey: ["me"] });
    return response;
  },
});

const WHO = "/me";

const headersOf = (init: RequestInit | undefined): Record<string, string> =>
  (init?.headers ?? {}) as Record<string, string>;

/** What was read is read again when a page is opened or a person asks for it, and never behind his back. */
export const queries = new QueryClient({
  defaultOptions: {
    queries: { refetchOnWindowFocus: false, refetchOnReconnect: false, retry: false, staleTime: 1000 },
  },
});
