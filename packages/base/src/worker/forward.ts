import { Agent, request as httpRequest, type IncomingMessage, type ServerResponse } from "node:http";
import { pipeline } from "node:stream";

/** Sends a request on to a worker's socket and its answer back, both as streams; what goes wrong before the answer began is told. */
export class Forwarder {
  readonly #socketPath: string;
  readonly #agent = new Agent({ keepAlive: true });

  constructor(socketPath: string) {
    this.#socketPath = socketPath;
  }

  forward(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method, url, rawHeaders } = request;
    return new Promise((resolve, reject) => {
      const onward = httpRequest({
        socketPath: this.#socketPath,
        agent: this.#agent,
        method,
        path: url,
        headers: rawHeaders as unknown as Record<string, string>,
      });
      // One that was answered in its place fails nobody: the module was ejected, or its time to drain was over.
      onward.once("error", (error) => (response.writableEnded ? resolve() : reject(error)));
      onward.once("response", (answer) => {
        if (response.headersSent || response.destroyed) {
          answer.destroy();
          return resolve();
        }
        response.writeHead(answer.statusCode ?? 502, answer.statusMessage, withoutHops(answer.rawHeaders));
        pipeline(answer, response, (error) => (error ? reject(error) : resolve()));
      });
      pipeline(request, onward, () => undefined);
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}

const HOPS = new Set(["connection", "keep-alive", "transfer-encoding"]);

// The connection to the worker and the one to the client are two.
function withoutHops(rawHeaders: readonly string[]): string[] {
  const kept: string[] = [];
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const [name = "", value = ""] = rawHeaders.slice(index, index + 2);
    if (!HOPS.has(name.toLowerCase())) kept.push(name, value);
  }
  return kept;
}
