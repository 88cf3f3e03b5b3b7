import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { AtExitPoint } from "@evenkeel/agent-core/exit-point";
import { launch, type ProcessRecord, readRecord, voidIntent, writeIntent } from "@evenkeel/agent-core/shim";
import type { RunContext } from "@evenkeel/agent-core/slot";
import type { Output } from "@evenkeel/contracts/agent-protocol";
import { CommandId } from "@evenkeel/contracts/id";
import { makeFolder } from "@evenkeel/kit/durable-file";
import { isAlive } from "@evenkeel/kit/process-identity";
import { cleanEnvironment } from "./environment.ts";
import { ScriptOutput } from "./output-file.ts";
import { killGroup, type Marker, signalGroup, waitGroupGone } from "./process-group.ts";

// 1. A script runs once per id, however many agents come and go: exit code, record or a voided intent decide.
// 2. Wrapper and script outlive the agent; the wrapper writes the exit code by rename and fsync.
// 3. Its output is a file, read by offset; the file goes on where the last agent left it.

const POLL_FIRST_MS = 5;
const POLL_MS = 100;
const TERM_MS = 2000;
const KILL_MS = 5000;

// The room for the exit code is taken beforehand: a disk that is full by then does not swallow it.
// Its own handler for TERM keeps the wrapper alive until the script has ended; the script starts with the default.
const WRAPPER = `
exit=$1
shift
printf '%-10s\\n' '' >"$exit.tmp"
trap : TERM INT HUP
"$@"
code=$?
printf '%-10s\\n' "$code" 1<>"$exit.tmp" && sync "$exit.tmp" && mv "$exit.tmp" "$exit" && sync "\${exit%/*}"
`;

export interface Script {
  /** Of the command, with a suffix where one command has several. */
  readonly id: string;
  readonly command: readonly [string, ...string[]];
  readonly workFolder: string;
  readonly env: Readonly<Record<string, string>>;
}

export type ScriptEnd =
  | { readonly kind: "ended"; readonly exitCode: number; readonly output: Output }
  | { readonly kind: "timed-out"; readonly output: Output }
  /** Neither alive nor an exit code: killed together with its wrapper, or its host went down. */
  | { readonly kind: "lost"; readonly output: Output };

export interface ScriptWatch {
  readonly signal: AbortSignal;
  /** Between TERM and KILL once the signal came. */
  readonly termMs?: number;
  /** Asked right before its first process is there; without it the script may always begin. */
  readonly start?: Pick<RunContext, "due" | "begin">;
  onOutput?(text: string): void;
}

/** Scripts of a command are called by it, by what they are for and by their attempt. */
const commandOf = (scriptId: string): string => scriptId.replace(/-[a-z]+\d*$/, "");

/** Runs scripts that survive the agent. */
export class ScriptRunner {
  readonly #folder: string;
  readonly #hostId: string;
  readonly #at: AtExitPoint;

  constructor(options: { folder: string; hostId: string; at: AtExitPoint }) {
    this.#folder = options.folder;
    this.#hostId = options.hostId;
    this.#at = options.at;
  }

  /** Runs the script, or takes it up where an earlier agent left it. */
  async run(script: Script, watch: ScriptWatch): Promise<ScriptEnd> {
    const folder = join(this.#folder, script.id);
    const marker: Marker = { name: "EVENKEEL_SCRIPT", value: `${this.#hostId}:${script.id}` };
    const found = await this.#findEarlier(folder);
    if (found === "none" && watch.signal.aborted) return { kind: "timed-out", output: NO_OUTPUT };
    const record = found === "none" ? await this.#start(script, { folder, marker, start: watch.start }) : found;
    return await this.#follow({ folder, marker, record }, watch);
  }

  /** True once the exit code of this script is there. */
  async hasEnded(id: string): Promise<boolean> {
    return (await readExit(join(this.#folder, id))) !== null;
  }

  /** Removes what is left of the scripts of these commands. */
  async forget(commandId: string): Promise<void> {
    const ids = (await readdir(this.#folder).catch(() => [])).filter((id) => commandOf(id) === commandId);
    for (const id of ids) await rm(join(this.#folder, id), { recursive: true, force: true });
  }

  /** Removes what a killed agent could not: folders of commands that nobody needs any more. */
  async tidy(isNeeded: (commandId: CommandId) => boolean): Promise<void> {
    for (const id of await readdir(this.#folder).catch(() => [])) {
      const commandId = CommandId.safeParse(commandOf(id));
      if (commandId.success && !isNeeded(commandId.data)) await this.forget(commandId.data);
    }
  }

  async #findEarlier(folder: string): Promise<ProcessRecord | "none"> {
    const intent = await readFile(join(folder, "intent"), "utf8").catch(() => null);
    const record = await readRecord(folder);
    if (record !== null) return record;
    if (intent === null) return "none";
    return (await voidIntent(folder, intent.trim())) ?? "none";
  }

  async #start(script: Script, { folder, marker, start }: Place): Promise<ProcessRecord> {
    await makeFolder(folder, 0o700);
    const intent = script.id;
    const output = join(folder, "output");
    do {
      await start?.due();
      await writeIntent(folder, intent);
      this.#at("before-spawn");
    } while ((await start?.begin()) === false);
    // killed here: the next agent voids the intent and starts anew, or finds the record and takes the script up
    const { record, child } = await launch({
      folder,
      intent,
      command: ["/bin/sh", "-c", WRAPPER, "script", join(folder, "exit"), ...script.command],
      workFolder: script.workFolder,
      env: cleanEnvironment(marker, script.env),
      stdout: output,
      stderr: output,
    });
    child.unref();
    this.#at("after-spawn");
    return record;
  }

  async #follow(
    { folder, marker, record }: Running,
    { signal, onOutput, termMs = TERM_MS }: ScriptWatch,
  ): Promise<ScriptEnd> {
    const output = new ScriptOutput(join(folder, "output"));
    const group = { marker, record };
    let pollMs = POLL_FIRST_MS;
    for (;;) {
      const alive = isAlive(record);
      const exitCode = await readExit(folder);
      onOutput?.(await output.news());
      if (exitCode !== null) return { kind: "ended", exitCode, output: await output.read() };
      if (!alive) return { kind: "lost", output: await output.read() };
      if (signal.aborted) {
        signalGroup(group, "SIGTERM");
        await waitGroupGone(group, termMs);
        await killGroup(group, KILL_MS);
        return { kind: "timed-out", output: await output.read() };
      }
      await sleep(pollMs, undefined, { signal }).catch(() => undefined);
      pollMs = Math.min(pollMs * 1.5, POLL_MS);
    }
  }
}

interface Place extends Pick<ScriptWatch, "start"> {
  readonly folder: string;
  readonly marker: Marker;
}

interface Running {
  readonly folder: string;
  readonly marker: Marker;
  readonly record: ProcessRecord;
}

const NO_OUTPUT: Output = { head: "", gapBytes: 0, tail: "" };

async function readExit(folder: string): Promise<number | null> {
  const text = await readFile(join(folder, "exit"), "utf8").catch(() => null);
  return text === null ? null : Number.parseInt(text, 10);
}
