import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { constants, getPriority, setPriority } from "node:os";
import { join } from "node:path";
import { PlatformError } from "@evenkeel/contracts/error";
import { findByEnvironment, type ProcessIdentity, readEnvironment, readIdentity } from "@evenkeel/kit/process-identity";

/** What a process of ours is known by, and how it is ended. */
export interface PartName {
  readonly name: string;
  /** The module that Node runs. */
  readonly entry: string;
  /** How it is asked to end, and how long it may take before it is killed. */
  readonly stop: { readonly signal: NodeJS.Signals; readonly ms: number };
}

/** One process that the supervisor keeps alive. */
export interface PartSpec extends PartName {
  /** Asked anew at each start. */
  environment(): Promise<Record<string, string>>;
  /** How far before us it gets the processor, in steps of niceness; only where we may (root). */
  readonly ahead?: number;
  /** Descriptors that the process gets as 3, 4, … */
  descriptors?(): readonly number[];
}

/** Where parts belong: marks in their environment, and their log files. */
export interface PartPlace {
  readonly home: string;
  readonly logFolder: string;
  readonly version: string;
}

const HOME_MARK = "EVENKEEL_HOME";
const PART_MARK = "EVENKEEL_PART";
const VERSION_MARK = "EVENKEEL_PART_VERSION";

/** The file that takes everything a part prints. */
export function logFileOf(place: { readonly logFolder: string }, name: string): string {
  return join(place.logFolder, `${name}.log`);
}

/** Starts a part in a session of its own with its output in a file: it lives on when the supervisor is killed. */
export async function startPart(
  spec: PartSpec,
  place: PartPlace,
): Promise<{ child: ChildProcess; identity: ProcessIdentity }> {
  const environment = await spec.environment();
  const log = await open(logFileOf(place, spec.name), "a", 0o600);
  try {
    const child = spawn(process.execPath, [spec.entry], {
      cwd: place.home,
      detached: true,
      env: { ...inheritedEnvironment(), ...environment, ...marksOf(spec.name, place), [VERSION_MARK]: place.version },
      stdio: ["ignore", log.fd, log.fd, ...(spec.descriptors?.() ?? [])],
    });
    await new Promise<void>((resolve, reject) => {
      child.once("spawn", resolve);
      child.once("error", (error) => reject(failed(spec, place, error.message)));
    });
    const identity = readIdentity(child.pid ?? 0);
    if (identity === null) throw failed(spec, place, "it ended at once");
    putAhead(identity, spec.ahead ?? 0);
    child.unref();
    return { child, identity };
  } finally {
    await log.close();
  }
}

function putAhead({ pid }: ProcessIdentity, steps: number): void {
  if (steps === 0) return;
  try {
    setPriority(pid, Math.max(constants.priority.PRIORITY_HIGHEST, getPriority() - steps));
  } catch {
    // Not allowed to this user: it runs as all others do.
  }
}

function failed(spec: PartSpec, place: PartPlace, problem: string): PlatformError {
  return new PlatformError("PART_FAILED", { part: spec.name, problem, log: logFileOf(place, spec.name) });
}

function marksOf(name: string, place: PartPlace): Record<string, string> {
  return { [HOME_MARK]: place.home, [PART_MARK]: name };
}

/** Settings of a part that its spec knows nothing of. */
const PASSED_ON = [
  "EVENKEEL_LOG_LEVEL",
  "EVENKEEL_AUDIT_DAYS",
  "EVENKEEL_GATEWAY_DRIVER",
  "EVENKEEL_HAPROXY",
  "EVENKEEL_GATEWAY_PROXY_PROTOCOL",
];

/** Ours without what npm and we ourselves were told: a part gets its settings from its spec alone. */
function inheritedEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) => PASSED_ON.includes(name) || !/^(EVENKEEL_|npm_|INIT_CWD$|DATABASE_URL$|NODE_CHANNEL)/.test(name),
  );
  return Object.fromEntries(kept);
}

/** Living processes of this part that the environment's marks tell, the oldest first. Its own children inherit the marks, but run something else. */
export function findPart(spec: PartName, place: PartPlace): ProcessIdentity[] {
  const module = spec.entry.split("/").slice(-MODULE_SEGMENTS).join("/");
  return findByEnvironment(marksOf(spec.name, place))
    .filter(({ pid }) => mainModule(pid)?.endsWith(module) === true)
    .toSorted((a, b) => a.startTicks - b.startTicks);
}

// `apps/gateway/src/main.ts`: an upgrade may have put the same module into another clone.
const MODULE_SEGMENTS = 4;

function mainModule(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0")[1];
  } catch {
    return undefined;
  }
}

/** Version of the code that the process was started from. */
export function versionOf({ pid }: ProcessIdentity): string {
  return readEnvironment(pid)?.[VERSION_MARK] ?? "unknown";
}

/** Everything alive that carries the marks of this home: parts, and what they started. */
export function findMarked(home: string): { identity: ProcessIdentity; part: string }[] {
  return findByEnvironment({ [HOME_MARK]: home }).flatMap((identity) => {
    // A person's own shell may have EVENKEEL_HOME set; it is no part.
    const part = readEnvironment(identity.pid)?.[PART_MARK];
    return part === undefined ? [] : [{ identity, part }];
  });
}
