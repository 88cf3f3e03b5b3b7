import type { IncomingMessage } from "node:http";
import type { RequestView } from "@evenkeel/contracts/traffic/condition";
import { bodyValue, cookieOf, parameterOf, parseBody } from "@evenkeel/contracts/traffic/field";
import { originOf } from "./origin.ts";

/** A request as rules see it; nothing is read before a rule asks for it. */
export class NodeRequestView implements RequestView {
  readonly path: string;
  readonly source: string;
  readonly #req: IncomingMessage;
  readonly #query: string;
  lane: string | undefined;
  /** All of its body, where somebody has read it. */
  bytes: Buffer | null = null;
  #json: { readonly value: unknown } | null = null;

  /** `target`: path with query. */
  constructor(req: IncomingMessage, target: string, trustForwarded: boolean) {
    this.#req = req;
    const mark = target.indexOf("?");
    this.path = mark === -1 ? target : target.slice(0, mark);
    this.#query = mark === -1 ? "" : target.slice(mark + 1);
    this.source = sourceOf(req, trustForwarded);
  }

  get method(): string {
    return this.#req.method ?? "";
  }

  /** Of several lines the first: Node has joined them. */
  header(name: string): string | undefined {
    const { rawHeaders } = this.#req;
    for (let index = 0; index < rawHeaders.length; index += 2) {
      const each = rawHeaders[index] as string;
      if (each.length === name.length && each.toLowerCase() === name) return rawHeaders[index + 1];
    }
    return undefined;
  }

  cookie(name: string): string | undefined {
    return cookieOf(this.#req.headers.cookie, name);
  }

  query(name: string): string | undefined {
    return parameterOf(this.#query, name);
  }

  body(path: string): string | undefined {
    this.#json ??= { value: this.bytes === null ? undefined : parseBody(this.bytes.toString("utf8")) };
    return bodyValue(this.#json.value, path);
  }
}

/** Who asks: behind a trusted proxy the address that it saw, the last it has noted. */
function sourceOf(req: IncomingMessage, trustForwarded: boolean): string {
  const forwarded = req.headers["x-forwarded-for"];
  const address =
    trustForwarded && typeof forwarded === "string" ? forwarded.slice(forwarded.lastIndexOf(",") + 1).trim() : "";
  return (address || (originOf(req).address ?? "")).replace(/^::ffff:(?=\d+\.)/, "");
}
