// Connections of trusted proxies: whom they speak for stands in front of the first byte.
// 1. No byte of a connection reaches the server behind before its header was read whole; what follows it does, to the byte.
// 2. A trusted proxy without a header, or with a wrong one, is closed; of all others nothing of the kind is believed.
import { BlockList, isIPv6, type Server, type Socket } from "node:net";
import { TLSSocket, Server as TlsServer } from "node:tls";
import { setOrigin } from "./origin.ts";
import { readProxyHeader } from "./proxy-header.ts";

const HEADER_MS = 10_000;

/** Has this server ask connections from these networks (`address` or `address/bits`) for their header. */
export function expectProxies(server: Server, networks: readonly string[]): void {
  if (networks.length === 0) return;
  const trusted = blockListOf(networks);
  const listeners = server.listeners("connection");
  /** Told by the ends of their connections: a TLS socket does not say which socket it stands on. */
  const told = new Map<string, string>();
  server.removeAllListeners("connection");
  server.on("connection", (socket: Socket) => {
    const pass = (address: string | null): void => {
      if (address !== null) {
        const key = endsOf(socket);
        told.set(key, address);
        socket.once("close", () => told.delete(key));
        setOrigin(socket, address);
      }
      for (const listener of listeners) listener.call(server, socket);
      // A TLS server takes what is here by itself, in its own time; if it flowed meanwhile it would be lost.
      if (!(server instanceof TlsServer)) socket.resume();
    };
    // Behind TLS there is no other header: the one there is stood in front of the handshake.
    if (!(socket instanceof TLSSocket) && isTrusted(trusted, socket)) readHeader(socket, pass);
    else for (const listener of listeners) listener.call(server, socket);
  });
  server.prependListener("secureConnection", (socket: TLSSocket) => {
    const address = told.get(endsOf(socket));
    if (address !== undefined) setOrigin(socket, address);
  });
}

const endsOf = ({ remoteAddress, remotePort }: Socket): string => `${remoteAddress} ${remotePort}`;

function blockListOf(networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const [address = "", bits] = network.split("/");
    const family = isIPv6(address) ? "ipv6" : "ipv4";
    if (bits === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(bits), family);
  }
  return list;
}

function isTrusted(list: BlockList, { remoteAddress = "" }: Socket): boolean {
  const address = remoteAddress.replace(/^::ffff:(?=\d+\.)/, "");
  return address !== "" && list.check(address, isIPv6(address) ? "ipv6" : "ipv4");
}

function readHeader(socket: Socket, pass: (address: string | null) => void): void {
  let bytes = Buffer.alloc(0);
  const late = setTimeout(() => socket.destroy(), HEADER_MS);
  const onGone = (): void => {
    clearTimeout(late);
    socket.destroy();
  };
  const onData = (chunk: Buffer): void => {
    bytes = Buffer.concat([bytes, chunk]);
    const header = readProxyHeader(bytes);
    if (header.kind === "more") return;
    clearTimeout(late);
    socket.off("data", onData).off("error", onGone).off("end", onGone).off("close", onGone);
    if (header.kind === "wrong") {
      socket.on("error", () => undefined).destroy();
      return;
    }
    socket.pause();
    const rest = bytes.subarray(header.length);
    if (rest.length > 0) socket.unshift(rest);
    pass(header.address);
  };
  socket.on("data", onData).on("error", onGone).on("end", onGone).on("close", onGone);
}
