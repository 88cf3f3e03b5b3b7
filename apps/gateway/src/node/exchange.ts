// One request on its way through the gateway.
// Invariants:
// 1. It is in flight on at most one instance, and counted there exactly once when it ends.
// 2. It is sent again only if no byte of it can have reached an instance (no connection was made, or nothing was written yet), or if it is
//    safe, without a body, and the kept connection it went on turned out to be dead before a byte of an answer.
// 3. An answer that has begun ends whole, or the client's connection is destroyed: never a quiet end.
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { ErrorCode, Facts } from "@evenkeel/contracts/error";
import type { Dispatcher } from "undici";
import type { Trouble } from "../driver.ts";
import type { Ending } from "../statistics.ts";
import { type RequestHeaders, requestHeaders, responseHeaders } from "./headers.ts";
import type { Flying } from "./in-flight.ts";
import type { Instance, Line } from "./instance.ts";
import { answerProblem } from "./problem.ts";
import { gather, hasBody, RequestBody } from "./request-body.ts";
import type { Service } from "./service.ts";
import { openTunnel, type Upgrade } from "./tunnel.ts";

// Up to this size a body is read before an instance is chosen.
const SMALL_BODY_BYTES = 16 * 1024;
const SMALL_ANSWER_BYTES = 4 * 1024;
// All instances refused, and requests may wait: look again after this time.
const LOOK_AGAIN_MS = 100;
// Between the choice of a kept connection and the first byte on it lie microseconds, unless this process stood still.
const LAPSED_MS = 500;

/** A request for a service, and what is known about it. */
export interface Arrival {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly service: Service;
  readonly host: string;
  /** Path with query. */
  readonly path: string;
  readonly trustForwarded: boolean;
  readonly expectsContinue: boolean;
  readonly upgrade: Upgrade | null;
  /** Names of the subsets of the service that it may go to, the best first. */
  readonly chain: readonly string[];
  /** What is carried on to the instance. */
  readonly baggage: string | null;
  /** All of its body, where it was read already. */
  readonly body: Buffer | null;
  /** Gives back what was taken for it. */
  readonly release: (() => void) | null;
  readonly onTrouble: (trouble: Trouble) => void;
}

const NONE: readonly Instance[] = [];

export class Exchange implements Dispatcher.DispatchHandler, Flying {
  place = -1;
  readonly #arrival: Arrival;
  readonly #headers: RequestHeaders;
  readonly #arrivedAt = performance.now();
  /** A stream is made anew for each attempt, from the request whose first byte nobody has read. */
  #body: Buffer | "stream" | null = null;
  readonly #safe: boolean;
  #tried: readonly Instance[] = NONE;
  #fresh: boolean;
  #waitingSince: number | null = null;
  #failure: Error | null = null;
  #instance: Instance | null = null;
  #line: Line | null = null;
  #sent = false;
  /** The choice of its connection counts no longer. */
  #lapsed = false;
  #responding = false;
  #status = 0;
  /** Bytes of the answer that are still to come; negative when the instance did not say. */
  #left = -1;
  #last: Buffer | undefined;
  #over = false;

  constructor(arrival: Arrival) {
    this.#arrival = arrival;
    const { req, upgrade } = arrival;
    this.#headers = requestHeaders(req, arrival);
    this.#safe = req.method === "GET" || req.method === "HEAD" || req.method === "OPTIONS";
    this.#fresh = upgrade !== null;
  }

  /** It must not be sent twice. */
  get #once(): boolean {
    return !this.#safe || this.#body !== null;
  }

  start(): void {
    const { req, res } = this.#arrival;
    if (this.#headers.ambiguous) {
      res.shouldKeepAlive = false;
      this.#over = true;
      this.#arrival.release?.();
      answerProblem(res, "REQUEST_UNREADABLE", { problem: "more than one Host header" });
      return;
    }
    res.on("close", () => this.#onClientClosed());
    this.#body = this.#arrival.body;
    if (this.#body !== null || !hasBody(req)) this.#attempt();
    else if (Number(req.headers["content-length"]) <= SMALL_BODY_BYTES) this.#gather();
    else {
      this.#body = "stream";
      this.#attempt();
    }
  }

  #gather(): void {
    this.#continue();
    gather(this.#arrival.req, (body) => {
      this.#body = body;
      this.#attempt();
    });
  }

  #continue(): void {
    if (this.#arrival.expectsContinue) this.#arrival.res.writeContinue();
  }

  #attempt(): void {
    if (this.#over) return;
    const { service, req, path, upgrade, chain } = this.#arrival;
    const instance = service.choose(chain, this.#tried);
    if (instance === null) {
      this.#waitOrGiveUp();
      return;
    }
    this.#instance = instance;
    instance.inFlight.add(this);
    // A stream is sent with its first byte, for which a kept connection may wait too long.
    const line = instance.take({ once: this.#once, fresh: this.#fresh || this.#body === "stream" });
    this.#line = line;
    this.#sent = false;
    this.#lapsed = false;
    line.client.dispatch(
      {
        path,
        method: req.method as string,
        headers: this.#headers.list,
        body: this.#body === "stream" ? new RequestBody(req, () => this.#continue()) : this.#body,
        upgrade: upgrade?.protocol ?? null,
      },
      this,
    );
  }

  #waitOrGiveUp(): void {
    const { service } = this.#arrival;
    this.#waitingSince ??= performance.now();
    const leftMs = service.parkMs - (performance.now() - this.#waitingSince);
    const refused = this.#tried.length > 0;
    const again = (): void => {
      this.#tried = NONE;
      this.#attempt();
    };
    if (leftMs > 0 && service.park(refused ? Math.min(leftMs, LOOK_AGAIN_MS) : leftMs, again)) return;
    if (refused) this.#fail("INSTANCE_FAILED", { kind: "connect-error" });
    else this.#fail("INSTANCE_NONE", { kind: "unavailable" });
  }

  cut(): void {
    this.#line?.close();
  }

  // What undici reports, in this order: start, response started, response start (1xx too), data, end; or an error.

  onRequestStart(controller: Dispatcher.DispatchController): void {
    const line = this.#line;
    this.#lapsed = this.#once && line?.proven === true && performance.now() - line.askedAt > LAPSED_MS;
    this.#sent = !this.#lapsed;
    if (this.#lapsed) controller.abort(new Error("stood still"));
  }

  onResponseStarted(): void {
    this.#responding = true;
  }

  // biome-ignore lint/complexity/useMaxParams: the signature is undici's.
  onRequestUpgrade(
    _: Dispatcher.DispatchController,
    status: number,
    headers: IncomingHttpHeaders,
    upstream: Duplex,
  ): void {
    const { upgrade, res } = this.#arrival;
    const instance = this.#instance;
    if (upgrade === null || instance === null || this.#over) {
      upstream.on("error", () => undefined).destroy();
      return;
    }
    this.#end({ kind: "answered", status });
    res.detachSocket(upgrade.socket as Parameters<ServerResponse["detachSocket"]>[0]);
    openTunnel(instance, upgrade, { headers, upstream });
  }

  // biome-ignore lint/complexity/useMaxParams: the signature is undici's.
  onResponseStart(
    _: Dispatcher.DispatchController,
    status: number,
    headers: IncomingHttpHeaders,
    statusText?: string,
  ): void {
    const { res } = this.#arrival;
    if (status < 200) {
      if (status === 103 && headers.link !== undefined) res.writeEarlyHints({ link: headers.link });
      return;
    }
    const length = headers["content-length"];
    res.writeHead(status, statusText ?? "", this.#withDraining(responseHeaders(headers)));
    this.#status = status;
    this.#left = length === undefined ? -1 : Number(length);
  }

  /** Whoever still asks an instance that goes is told so, and comes back on a new connection. */
  #withDraining(headers: string[]): string[] {
    if (this.#instance?.draining !== true) return headers;
    this.#arrival.res.shouldKeepAlive = false;
    headers.push("x-evenkeel-draining", "1");
    return headers;
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#left === chunk.length) {
      // The end follows in the same breath: head, chunk and end then leave in one write.
      this.#last = chunk;
      return;
    }
    this.#left -= chunk.length;
    const { res } = this.#arrival;
    if (res.write(chunk)) return;
    controller.pause();
    res.once("drain", () => controller.resume());
  }

  onResponseEnd(_: Dispatcher.DispatchController, trailers: IncomingHttpHeaders): void {
    const { res } = this.#arrival;
    const line = this.#line;
    const instance = this.#instance;
    if (this.#over || line === null || instance === null) return;
    if (Object.keys(trailers).length > 0) res.addTrailers(trailers as Record<string, string>);
    const last = this.#last;
    // As text a small body leaves in the same write as the head; latin1 keeps every byte. As bytes it would take a
    // writev of two pieces, which costs more than all the rest of a request here.
    if (last !== undefined && last.length <= SMALL_ANSWER_BYTES) res.end(last.toString("latin1"), "latin1");
    else res.end(last);
    this.#last = undefined;
    this.#end({ kind: "answered", status: this.#status });
    if (this.#arrival.upgrade === null) instance.giveBack(line);
    else line.close();
  }

  onResponseError(_: Dispatcher.DispatchController | null, error: Error): void {
    if (this.#over) return;
    const line = this.#line;
    line?.close();
    this.#failure = error;
    if (this.#status !== 0) this.#cutOff();
    else if (codeOf(error) === "UND_ERR_INVALID_ARG") this.#fail("REQUEST_UNREADABLE", { kind: "client-abort" });
    else if (codeOf(error) === "UND_ERR_HEADERS_TIMEOUT")
      this.#fail("INSTANCE_SLOW", { kind: "answered", status: 504 });
    else if (this.#mayRepeat(line)) this.#repeat();
    else this.#fail("INSTANCE_FAILED", { kind: "connect-error" });
  }

  #mayRepeat(line: Line | null): boolean {
    if (!this.#sent) return true;
    return this.#safe && this.#body === null && !this.#responding && !this.#fresh && line?.proven === true;
  }

  #repeat(): void {
    const instance = this.#instance;
    if (instance === null) return;
    if (this.#sent || this.#lapsed) this.#fresh = true;
    else this.#tried = [...this.#tried, instance];
    instance.counter.retries += 1;
    instance.leave(this);
    this.#attempt();
  }

  #cutOff(): void {
    const { req, res } = this.#arrival;
    this.#report("CUT");
    this.#end({ kind: "cut" });
    // HTTP/1.0 knows no other sign that an answer of unknown length is not whole.
    if (req.httpVersion === "1.0") req.socket.resetAndDestroy();
    else res.destroy();
  }

  #fail(code: ErrorCode, ending: Ending): void {
    const { res } = this.#arrival;
    this.#report(code);
    const facts = this.#facts();
    this.#end(ending);
    answerProblem(res, code, facts);
  }

  #facts(): Facts {
    const { service } = this.#arrival;
    return {
      service: service.name,
      instance: this.#instance?.upstream.instance ?? null,
      problem: this.#failure === null ? null : this.#failure.message || codeOf(this.#failure),
      seconds: service.responseTimeoutMs / 1000,
      requestId: this.#headers.requestId,
    };
  }

  #report(code: Trouble["code"]): void {
    this.#arrival.onTrouble({ code, facts: this.#facts(), requestId: this.#headers.requestId });
  }

  #onClientClosed(): void {
    if (this.#over) return;
    const line = this.#line;
    this.#end({ kind: "client-abort" });
    line?.close();
  }

  #end(ending: Ending): void {
    this.#over = true;
    this.#arrival.service.ended(this.#instance, ending, performance.now() - this.#arrivedAt);
    this.#instance?.leave(this);
    this.#arrival.release?.();
  }
}

function codeOf(error: Error): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}
