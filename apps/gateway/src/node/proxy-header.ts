// What a proxy says of a connection in front of its first byte: the PROXY protocol, versions 1 (a line) and 2 (bytes).
import { isIPv4, isIPv6 } from "node:net";

/** Not all there yet; no such header; or whom the proxy speaks for (null: for itself) and how long the header is. */
export type ProxyHeader =
  | { readonly kind: "more" }
  | { readonly kind: "wrong" }
  | { readonly kind: "told"; readonly address: string | null; readonly length: number };

const MORE: ProxyHeader = { kind: "more" };
const WRONG: ProxyHeader = { kind: "wrong" };

const LINE_START = Buffer.from("PROXY ");
/** The longest line that there is, its end included. */
const LINE_BYTES = 107;
const SIGNATURE = Buffer.from("\r\n\r\n\0\r\nQUIT\n");
const FIXED_BYTES = 16;
// Version and command in one byte; family and transport in the next; then the length of what follows.
const LOCAL = 0x20;
const PROXY = 0x21;
const TCP4 = 0x11;
const TCP6 = 0x21;
/** Addresses take 36 bytes at most, what proxies add beside them a few hundred. */
const MOST_BYTES = 4096;

/** Reads the header at the start of these bytes. */
export function readProxyHeader(bytes: Buffer): ProxyHeader {
  if (begins(bytes, SIGNATURE)) return bytes.length < FIXED_BYTES ? MORE : readBytes(bytes);
  return begins(bytes, LINE_START) ? readLine(bytes) : WRONG;
}

/** As far as it is there. */
function begins(bytes: Buffer, start: Buffer): boolean {
  const length = Math.min(bytes.length, start.length);
  return bytes.subarray(0, length).equals(start.subarray(0, length));
}

function readLine(bytes: Buffer): ProxyHeader {
  const end = bytes.subarray(0, LINE_BYTES).indexOf("\r\n");
  if (end === -1) return bytes.length < LINE_BYTES ? MORE : WRONG;
  const length = end + 2;
  const [, family, source = "", destination = "", ...ports] = bytes.toString("latin1", 0, end).split(" ");
  if (family === "UNKNOWN") return { kind: "told", address: null, length };
  const isAddress = family === "TCP4" ? isIPv4 : family === "TCP6" ? isIPv6 : () => false;
  const wellFormed = isAddress(source) && isAddress(destination) && ports.length === 2 && ports.every(isPort);
  return wellFormed ? { kind: "told", address: source, length } : WRONG;
}

const isPort = (text: string): boolean => /^(0|[1-9]\d{0,4})$/.test(text) && Number(text) <= 65_535;

function readBytes(bytes: Buffer): ProxyHeader {
  const [command, family, rest] = [bytes[12], bytes[13], bytes.readUInt16BE(14)];
  const length = FIXED_BYTES + rest;
  if ((command !== LOCAL && command !== PROXY) || length > MOST_BYTES) return WRONG;
  if (bytes.length < length) return MORE;
  const at = bytes.subarray(FIXED_BYTES, length);
  // Of another family (a unix socket, say) there is no address to believe: the connection's own stands.
  if (command === LOCAL || (family !== TCP4 && family !== TCP6)) return { kind: "told", address: null, length };
  if (family === TCP4) return rest < 12 ? WRONG : { kind: "told", address: at.subarray(0, 4).join("."), length };
  if (rest < 36) return WRONG;
  const groups = Array.from({ length: 8 }, (_, index) => at.readUInt16BE(2 * index).toString(16));
  return { kind: "told", address: new URL(`http://[${groups.join(":")}]`).hostname.slice(1, -1), length };
}
