import type { AddressInfo, Server } from "node:net";
import type { Serving } from "../driver.ts";

/** Where a server listens, and the descriptor it listens on. */
export function servingOf(server: Server): Serving {
  const { address, port } = server.address() as AddressInfo;
  const { _handle: handle } = server as unknown as { _handle: { fd: number } };
  return { address, port, fd: handle.fd };
}
