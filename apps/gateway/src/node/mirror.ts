import type { Dispatcher } from "undici";
import type { Arrival } from "./exchange.ts";
import { requestHeaders } from "./headers.ts";
import type { Instance } from "./instance.ts";
import { hasBody } from "./request-body.ts";

type Copied = Pick<Arrival, "req" | "host" | "path" | "trustForwarded" | "upgrade">;

// What nobody waits for must not use up what others need: so many copies at once for one instance.
const MAX_COPIES = 256;

/**
 * Sends a copy of a request without a body to an instance, and throws its answer away; nothing of it comes back to the
 * client. An answer without an end, of a stream of events, say, is left when its time is over.
 */
export function mirror(
  instance: Instance,
  { req, host, path, trustForwarded, upgrade }: Copied,
  baggage: string | null,
): void {
  const { method } = req;
  const { copies, service } = instance;
  if (hasBody(req) || upgrade !== null || method === undefined || copies.size >= MAX_COPIES) return;
  const line = instance.take({ once: false, fresh: false });
  copies.add(line);
  const late = setTimeout(() => line.close(), service.responseTimeoutMs).unref();
  const ended = (): void => {
    clearTimeout(late);
    copies.delete(line);
  };
  const { list } = requestHeaders(req, { host, trustForwarded, baggage });
  const handler: Dispatcher.DispatchHandler = {
    onRequestStart: () => undefined,
    onResponseStart: () => undefined,
    onResponseData: () => undefined,
    onResponseEnd: () => {
      ended();
      instance.giveBack(line);
    },
    onResponseError: () => {
      ended();
      line.close();
    },
  };
  line.client.dispatch({ path, method, headers: [...list, "x-evenkeel-mirror", "1"], body: null }, handler);
}
