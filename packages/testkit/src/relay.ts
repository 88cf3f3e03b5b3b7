import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** A way to a server that a test may cut. */
export interface Relay {
  readonly url: string;
  /** Ends every connection without a word; who comes back gets through. Says how many there were. */
  cut(): number;
  close(): Promise<void>;
}

/** Opens a way to the server with this address. */
export async function openRelay(to: string): Promise<Relay> {
  const { hostname, port } = new URL(to);
  const open = new Set<Socket>();
  const server = createServer((inbound) => {
    const outbound = connect(Number(port), hostname);
    for (const [one, other] of [
      [inbound, outbound],
      [outbound, inbound],
    ] as const) {
      one.pipe(other);
      one.on("error", () => other.destroy());
      one.once("close", () => other.destroy());
    }
    open.add(inbound);
    inbound.once("close", () => open.delete(inbound));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const cut = (): number => {
    const sockets = [...open];
    for (const socket of sockets) socket.resetAndDestroy();
    return sockets.length;
  };
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut,
    close: async () => {
      cut();
      server.close();
      await once(server, "close");
    },
  };
}
