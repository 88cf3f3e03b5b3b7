import { readdir, readFile, stat } from "node:fs/promises";
import { delimiter, extname, join } from "node:path";
import type { Evidence } from "@evenkeel/contracts/cause";
import type { ClockSkew } from "./clock-skew.ts";
import { freeBytes } from "./disk.ts";
import { cleanEnvironment } from "./environment.ts";
import { isExecutable, readHead } from "./file-look.ts";
import type { Death } from "./life.ts";
import type { StagedRevision } from "./revision-store.ts";

/** Files of configuration that are looked into, and how far. */
const LOOKED_INTO = new Set([".properties", ".env", ".conf", ".cfg", ".ini"]);
const FOLDERS = [".", "config", "conf", "etc"];
const FILES = 50;
const FILE_BYTES = 65_536;
const NAMED = 3;
const HEAD_BYTES = 256;

/** `e_machine` of an ELF file, by the name that Node gives the architecture. */
const MACHINES: Readonly<Record<number, string>> = { 3: "ia32", 40: "arm", 62: "x64", 183: "arm64", 243: "riscv64" };

/** What ended, and where it stood. */
export interface Failure {
  readonly staged: StagedRevision;
  readonly appFolder: string;
  readonly death: Death | null;
  /** Of the host, when it started. */
  readonly memoryKillsBefore: number | null;
}

/** Looks up what may have made an instance fail; nothing of it is worth an error of its own. */
export async function gatherEvidence(failure: Failure, clock: ClockSkew): Promise<Evidence> {
  const { staged, appFolder, death, memoryKillsBefore } = failure;
  const { start, env } = staged.configuration;
  const empty = Object.keys(env).filter((name) => env[name] === "");
  const kills = await readMemoryKills();
  const skewMs = clock.far();
  return {
    command: start.slice(0, 300),
    ...(death?.signal && { signal: death.signal }),
    ...(empty.length > 0 && { emptyParameters: empty.slice(0, NAMED) }),
    ...(kills !== null && memoryKillsBefore !== null && { memoryKills: Math.max(0, kills - memoryKillsBefore) }),
    ...(skewMs !== null && { clockSkewMs: skewMs }),
    diskFreeBytes: await freeBytes(appFolder).catch(() => Number.MAX_SAFE_INTEGER),
    ...(await inspectProgram(start, appFolder).catch(() => ({}))),
    ...(await inspectConfiguration(appFolder).catch(() => ({}))),
  };
}

/** How often the kernel has ended a process of this host for want of memory; null = it does not say. */
export async function readMemoryKills(): Promise<number | null> {
  const text = await readFile("/proc/vmstat", "utf8").catch(() => "");
  const found = /^oom_kill (\d+)$/m.exec(text);
  return found === null ? null : Number(found[1]);
}

/** The first word of the start command, where it names a file of the package. */
async function inspectProgram(start: string, appFolder: string): Promise<Evidence> {
  const [word = ""] = start.trim().split(/\s+/);
  const path = word.startsWith("/") ? word : join(appFolder, word);
  if (!word.includes("/") || (await stat(path).catch(() => null))?.isFile() !== true) return {};
  if (!(await isExecutable(path))) return { notExecutable: word };
  const head = await readHead(path, HEAD_BYTES);
  const machine = head.toString("latin1", 0, 4) === "\x7fELF" ? (MACHINES[head.readUInt16LE(18)] ?? "another") : null;
  if (machine !== null && machine !== process.arch) return { otherArchitecture: word };
  const [line = ""] = head.toString("latin1").split("\n");
  const missing = line.startsWith("#!") ? await missingInterpreter(line.slice(2).trim().split(/\s+/)) : null;
  return missing === null ? {} : { missingInterpreter: missing };
}

async function missingInterpreter([program = "", argument]: readonly string[]): Promise<string | null> {
  if (!(await isExecutable(program))) return program;
  if (!program.endsWith("/env") || argument === undefined || argument.startsWith("-")) return null;
  const { PATH = "" } = cleanEnvironment({ name: "EVENKEEL_SCRIPT", value: "" }, {});
  const found = await Promise.all(PATH.split(delimiter).map((folder) => isExecutable(join(folder, argument))));
  return found.includes(true) ? null : argument;
}

async function inspectConfiguration(appFolder: string): Promise<Evidence> {
  const files = (await Promise.all(FOLDERS.map((folder) => configurationsIn(appFolder, folder))))
    .flat()
    .slice(0, FILES);
  const carriageReturns: string[] = [];
  const wrongEncodings: string[] = [];
  for (const file of files) {
    const head = await readHead(join(appFolder, file), FILE_BYTES);
    if (head.includes("\r\n")) carriageReturns.push(file);
    if (!isUtf8(head)) wrongEncodings.push(file);
  }
  return {
    ...(carriageReturns.length > 0 && { carriageReturns: carriageReturns.slice(0, NAMED) }),
    ...(wrongEncodings.length > 0 && { wrongEncodings: wrongEncodings.slice(0, NAMED) }),
  };
}

async function configurationsIn(appFolder: string, folder: string): Promise<string[]> {
  const entries = await readdir(join(appFolder, folder), { withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isFile() && LOOKED_INTO.has(entry.name === ".env" ? ".env" : extname(entry.name)))
    .map(({ name }) => join(folder, name));
}

/** UTF-8 without a byte order mark; a character cut at the end of what was read is no fault. */
function isUtf8(bytes: Buffer): boolean {
  if (bytes.subarray(0, 3).equals(Buffer.from([0xef, 0xbb, 0xbf])) || bytes.includes(0)) return false;
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes, { stream: true });
    return true;
  } catch {
    return false;
  }
}
