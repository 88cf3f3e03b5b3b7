import type { Dispatcher } from "undici";
import type { Arrival } from "./exchange.ts";
import { requestHeaders } from "./headers.ts";
import type { Instance } from "./instance.ts";
import { hasBody } from "./request-body.ts";

type Copied = Pick<Arrival, "req" | "host" | "path" | "trustForwarded" | "upgrade">;

/** Sends a copy of a request without a body to an instance, and throws its answer away; nothing of it comes back to the client. */
export function mirror(
  instance: Instance,
  { req, host, path, trustForwarded, upgrade }: Copied,
  baggage: string | null,
): void {
  const { method } = req;
  if (hasBody(req) || upgrade !== null || method === undefined) return;
  const line = instance.take({ once: false, fresh: false });
  const { list } = requestHeaders(req, { host, trustForwarded, baggage });
  const handler: Dispatcher.DispatchHandler = {
    onRequestStart: () => undefined,
    onResponseStart: () => undefined,
    onResponseData: () => undefined,
    onResponseEnd: () => instance.giveBack(line),
    onResponseError: () => line.close(),
  };
  line.client.dispatch({ path, method, headers: [...list, "x-evenkeel-mirror", "1"], body: null }, handler);
}
