import type { IncomingHttpHeaders } from "node:http";
import type { Duplex } from "node:stream";
import { responseHeaders } from "./headers.ts";
import type { Instance } from "./instance.ts";

/** A connection whose client asked to leave HTTP. */
export interface Upgrade {
  readonly socket: Duplex;
  /** What the client sent behind its request. */
  readonly head: Buffer;
  readonly protocol: string;
}

/** Tells the client that the instance has switched, and passes bytes both ways until one side ends. */
export function openTunnel(
  instance: Instance,
  upgrade: Upgrade,
  { headers, upstream }: { headers: IncomingHttpHeaders; upstream: Duplex },
): void {
  const { socket: client, head, protocol } = upgrade;
  const tunnel = {
    cut: () => {
      client.destroy();
      upstream.destroy();
    },
  };
  instance.longLived.add(tunnel);
  client.on("close", () => {
    instance.longLived.delete(tunnel);
    upstream.destroy();
  });
  upstream.on("error", () => client.destroy());
  upstream.on("close", () => {
    // After an orderly end the pipe below has ended the client's side too, once everything was written.
    if (!upstream.readableEnded) client.destroy();
  });
  const list = responseHeaders(headers);
  let text = `HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: ${protocol}\r\n`;
  for (let index = 0; index < list.length; index += 2) text += `${list[index]}: ${list[index + 1]}\r\n`;
  client.write(`${text}\r\n`, "latin1");
  if (head.length > 0) upstream.write(head);
  upstream.pipe(client);
  client.pipe(upstream);
}
