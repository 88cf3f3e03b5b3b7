import { createClient } from "@evenkeel/client/client";
import { CONSOLE_HEADER } from "@evenkeel/contracts/session";
import { QueryClient } from "@tanstack/react-query";

/** Same origin, with the session's cookie: the browser adds it, and the header says that it is us who ask. */
export const client = createClient({
  url: "",
  fetch: (input, init) =>
    fetch(input, { ...init, credentials: "same-origin", headers: { ...headersOf(init), [CONSOLE_HEADER]: "1" } }),
});

const headersOf = (init: RequestInit | undefined): Record<string, string> =>
  (init?.headers ?? {}) as Record<string, string>;

/** What was read is read again when a page is opened or a person asks for it, and never behind his back. */
export const queries = new QueryClient({
  defaultOptions: {
    queries: { refetchOnWindowFocus: false, refetchOnReconnect: false, retry: false, staleTime: 1000 },
  },
});
