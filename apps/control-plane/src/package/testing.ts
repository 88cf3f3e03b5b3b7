import { createHash } from "node:crypto";
import { crc32, gzipSync } from "node:zlib";
import { Header, type HeaderData } from "tar";

/** One entry of an archive to be tried. */
export interface TriedEntry {
  readonly path: string;
  readonly type?: "File" | "Directory" | "SymbolicLink" | "Link" | "CharacterDevice" | "FIFO";
  readonly content?: string;
  readonly target?: string;
  /** What the header says of the size, where it lies. */
  readonly claimedBytes?: number;
}

const BLOCK = 512;

/** Writes a tar as it is told, also what no packer would write. */
export function tarOf(entries: readonly TriedEntry[]): Buffer {
  return Buffer.concat([...entries.flatMap(tarEntry), Buffer.alloc(2 * BLOCK)]);
}

function tarEntry({ path, type = "File", content = "", target, claimedBytes }: TriedEntry): Buffer[] {
  const size = claimedBytes ?? (type === "File" ? Buffer.byteLength(content) : 0);
  const data: HeaderData = {
    path,
    type,
    size,
    mode: 0o644,
    mtime: new Date(0),
    ...(target === undefined ? {} : { linkpath: target }),
  };
  const head = Buffer.alloc(BLOCK);
  new Header(data).encode(head, 0);
  const body = Buffer.alloc(Math.ceil(Buffer.byteLength(content) / BLOCK) * BLOCK);
  body.write(content);
  return [head, body];
}

/** A package that everybody may unpack. */
export function goodPackage(content = "console.log('hello');\n"): Buffer {
  return gzipSync(
    tarOf([
      { path: "package/", type: "Directory" },
      { path: "package/server.js", content },
      { path: "package/current", type: "SymbolicLink", target: "server.js" },
    ]),
  );
}

/** Writes a zip without compression. `mode` is the Unix mode with its kind. */
export function zipOf(entries: readonly { path: string; content: string; mode?: number; checksum?: number }[]): Buffer {
  const locals: Buffer[] = [];
  const central: Buffer[] = [];
  let offset = 0;
  for (const { path, content, mode = 0o100644, checksum } of entries) {
    const name = Buffer.from(path);
    const bytes = Buffer.from(content);
    const crc = checksum ?? crc32(bytes);
    const local = Buffer.alloc(30);
    local.writeUInt32LE(0x04034b50, 0);
    local.writeUInt16LE(20, 4);
    local.writeUInt32LE(crc, 14);
    local.writeUInt32LE(bytes.length, 18);
    local.writeUInt32LE(bytes.length, 22);
    local.writeUInt16LE(name.length, 26);
    const head = Buffer.alloc(46);
    head.writeUInt32LE(0x02014b50, 0);
    head.writeUInt16LE((3 << 8) | 20, 4);
    head.writeUInt16LE(20, 6);
    head.writeUInt32LE(crc, 16);
    head.writeUInt32LE(bytes.length, 20);
    head.writeUInt32LE(bytes.length, 24);
    head.writeUInt16LE(name.length, 28);
    head.writeUInt32LE((mode << 16) >>> 0, 38);
    head.writeUInt32LE(offset, 42);
    locals.push(local, name, bytes);
    central.push(head, name);
    offset += local.length + name.length + bytes.length;
  }
  const directory = Buffer.concat(central);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(entries.length, 8);
  end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...locals, directory, end]);
}

export function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}
