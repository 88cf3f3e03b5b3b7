import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** How many connections may wait to be taken: as many as the system allows. Node's own 511 are less than a second of a busy gateway that was killed. */
export const LISTEN_BACKLOG = 65_535;

/** A socket that takes connections, as /proc/net/tcp and tcp6 tell. */
export interface Listener {
  readonly address: string;
  readonly port: number;
  readonly inode: string;
}

/** Who has a port, in words for a person. */
export interface Holder {
  readonly pid: number | null;
  readonly text: string;
}

const LISTEN = "0A";
const WILDCARDS = ["0.0.0.0", "::"];

let seen: { readonly at: number; readonly listeners: readonly Listener[] } | null = null;

/** Every listening TCP socket of this network namespace, as a look at most `atMostMs` old has shown: on a busy host a look costs many milliseconds. */
export function listListeners(atMostMs = 0): readonly Listener[] {
  const now = performance.now();
  if (seen === null || now - seen.at >= atMostMs)
    seen = { at: now, listeners: [...parse("/proc/net/tcp"), ...parse("/proc/net/tcp6")] };
  return seen.listeners;
}

/** The sockets of which one answers a connection to this address: those bound to it, else those on the wildcard. */
export function listenersAt(address: string, port: number, atMostMs = 0): Listener[] {
  const onPort = listListeners(atMostMs).filter((one) => one.port === port);
  const exact = onPort.filter((one) => one.address === address);
  return exact.length > 0 ? exact : onPort.filter((one) => WILDCARDS.includes(one.address));
}

/** Socket inodes that these processes hold open, each with a path below /proc that shows it again. */
export function socketsOf(pids: readonly number[]): Map<string, string> {
  const found = new Map<string, string>();
  for (const pid of pids) {
    for (const path of descriptorsOf(pid)) {
      const inode = socketAt(path);
      if (inode !== null) found.set(inode, path);
    }
  }
  return found;
}

/** Inode of the socket behind this descriptor; null when it is none, or closed. */
export function socketAt(descriptor: string): string | null {
  try {
    return /^socket:\[(\d+)\]$/.exec(readlinkSync(descriptor))?.[1] ?? null;
  } catch {
    return null;
  }
}

/** Finds the process that holds one of these sockets; not for a hot path, it reads all of /proc. */
export function holderOf(listeners: readonly Listener[]): Holder {
  const inodes = new Set(listeners.map(({ inode }) => inode));
  for (const name of readdirSync("/proc")) {
    if (!/^[0-9]+$/.test(name)) continue;
    const pid = Number(name);
    if (descriptorsOf(pid).some((path) => inodes.has(socketAt(path) ?? ""))) {
      return { pid, text: `process ${pid} (${commandOf(pid)})` };
    }
  }
  return { pid: null, text: "a process of another user" };
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").trim().slice(0, 120);
  } catch {
    return "gone";
  }
}

function descriptorsOf(pid: number): string[] {
  const folder = `/proc/${pid}/fd`;
  try {
    return readdirSync(folder).map((name) => `${folder}/${name}`);
  } catch {
    return [];
  }
}

function parse(file: string): Listener[] {
  let text: string;
  try {
    text = readFileSync(file, "latin1");
  } catch {
    // No IPv6 on this host.
    return [];
  }
  return linesOfListeners(text).map((line) => {
    const fields = line.trim().split(/\s+/);
    const [address = "", port = ""] = (fields[1] ?? "").split(":");
    return { address: readAddress(address), port: Number.parseInt(port, 16), inode: fields[9] ?? "" };
  });
}

/** A busy host has tens of thousands of lines, of which a few listen: those are found without a look at each. */
function linesOfListeners(text: string): string[] {
  const lines: string[] = [];
  // A listener has no remote port, then comes its state.
  const mark = `:0000 ${LISTEN} `;
  for (let at = text.indexOf(mark); at >= 0; at = text.indexOf(mark, at + 1)) {
    const end = text.indexOf("\n", at);
    lines.push(text.slice(text.lastIndexOf("\n", at) + 1, end < 0 ? undefined : end));
  }
  return lines;
}

/** The kernel prints an address as words of 32 bits, each in the byte order of the machine (little endian here). */
function readAddress(hex: string): string {
  const words = hex.match(/.{8}/g) ?? [];
  const bytes = words.flatMap((word) => (word.match(/../g) ?? []).reverse().map((byte) => Number.parseInt(byte, 16)));
  if (bytes.length === 4) return bytes.join(".");
  const mapped = bytes.slice(0, 10).every((byte) => byte === 0) && bytes[10] === 0xff && bytes[11] === 0xff;
  if (mapped) return bytes.slice(12).join(".");
  if (bytes.every((byte) => byte === 0)) return "::";
  const groups = Array.from({ length: 8 }, (_, at) =>
    (((bytes[2 * at] ?? 0) << 8) | (bytes[2 * at + 1] ?? 0)).toString(16),
  );
  // The same spelling as a parser of addresses gives.
  return new URL(`http://[${groups.join(":")}]`).hostname.slice(1, -1);
}
