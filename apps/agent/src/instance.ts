import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { AtExitPoint } from "@evenkeel/agent-core/exit-point";
import type { Desired } from "@evenkeel/agent-core/journal";
import { problemFrom } from "@evenkeel/agent-core/outcome";
import { launch, type ProcessRecord, readRecord, voidIntent, writeIntent } from "@evenkeel/agent-core/shim";
import type { InstanceReport, Letter, Output } from "@evenkeel/contracts/agent-protocol";
import { BASE_SOCKET_VARIABLE } from "@evenkeel/contracts/base-protocol";
import { type Problem, problemOf } from "@evenkeel/contracts/error";
import { Moment, type RevisionId, type ServiceId } from "@evenkeel/contracts/id";
import { InstanceState } from "@evenkeel/contracts/service";
import { makeFolder, readJson, readTextIfThere, writeDurableJson } from "@evenkeel/kit/durable-file";
import { isAlive } from "@evenkeel/kit/process-identity";
import { z } from "zod";
import { placedEnvironment } from "./base/arklet/line.ts";
import type { Bases } from "./base/bases.ts";
import { makeControlGroup, removeControlGroup } from "./control-group.ts";
import { cleanEnvironment } from "./environment.ts";
import { readMemoryKills } from "./evidence.ts";
import { HealthProbe } from "./health.ts";
import { type Death, Life } from "./life.ts";
import { joinOutputs, readOutput, sizeOfFile } from "./output-file.ts";
import { type Group, killGroup, type Marker, membersOf, signalGroup, waitGroupGone } from "./process-group.ts";
import { type RevisionStore, StagedRevision } from "./revision-store.ts";
import { startCommand } from "./start-command.ts";

// 1. At most one group of processes lives per letter: a start ends whatever is left of the one before.
// 2. Start, stop and restart of a letter happen one after another; the watch of an older life is silent.
// 3. What is alive is left alone by a new agent: adopted by pid, start and boot.
// 4. Only `desired` in the journal decides whether it shall run; nothing here changes that.
// 5. What was healthy once since its start is restarted for as long as it shall run; what never was, a few times only.

const CRASH_LOOP_AFTER = 5;
const BACK_OFF_MS = 500;
const BACK_OFF_MAX_MS = 30_000;
/** A life this long ends the row of deaths, in ms. */
const LONG_LIFE_MS = 20_000;
const LEFTOVER_TERM_MS = 1000;
const KILL_MS = 10_000;
/** Lines that a crash loop is reported with, and characters of each. */
const LAST_WORDS = 30;
const LINE_CHARACTERS = 200;

const Launched = z.strictObject({
  staged: StagedRevision,
  port: z.int(),
  /** Sizes of the log files when it started: what came later is this life's output. */
  stdoutBytes: z.int(),
  stderrBytes: z.int(),
  /** Of the host when it started: what the kernel has ended since for want of memory is counted from here. */
  memoryKills: z.int().nullable().optional(),
});
type Launched = z.infer<typeof Launched>;

const LastState = z.object({
  state: InstanceState,
  since: Moment,
  restarts: z.int(),
  everHealthy: z.boolean().default(true),
});
type LastState = z.infer<typeof LastState>;

export interface InstanceOptions {
  readonly slot: ServiceId;
  readonly letter: Letter;
  readonly folder: string;
  readonly hostId: string;
  readonly hostName: string;
  readonly address: string;
  readonly revisions: RevisionStore;
  readonly bases: Bases;
  readonly at: AtExitPoint;
  /** What shall run in this letter, if anything. */
  desired(): Pick<Desired, "revisionId" | "port"> | null;
  onChange(): void;
  warn(text: string): void;
}

export interface StartRequest {
  readonly staged: StagedRevision;
  readonly port: number;
  /** Names this start; unique. */
  readonly intent: string;
  /** Asked right before the process is there; false = not now. */
  begin?(): Promise<boolean>;
}

/** One letter of a slot: its process, watched for as long as it shall run. */
export class Instance {
  readonly slot: ServiceId;
  readonly letter: Letter;
  life: Life | null = null;
  /** The last death of the running revision; a start forgets it. */
  lastDeath: Death | null = null;
  launched: Launched | null = null;
  readonly #options: InstanceOptions;
  #state: InstanceState = "stopped";
  #since = new Date().toISOString();
  #problem: Problem | null = null;
  #restarts = 0;
  #deathsInRow = 0;
  /** Since the last command that started it. */
  #everHealthy = false;
  #turn: Promise<unknown> = Promise.resolve();
  #wakeRestart = new AbortController();

  constructor(options: InstanceOptions) {
    this.#options = options;
    this.slot = options.slot;
    this.letter = options.letter;
  }

  get address(): string {
    return this.#options.address;
  }

  /** Log files, opened for append by every life. */
  logFile(stream: "stdout" | "stderr"): string {
    return join(this.#options.folder, `${stream}.log`);
  }

  report(): InstanceReport | null {
    if (this.launched === null) return null;
    return {
      slot: this.slot,
      letter: this.letter,
      revisionId: this.launched.staged.revisionId,
      state: this.#state,
      pid: this.life?.record.pid ?? null,
      port: this.launched.port,
      restarts: this.#restarts,
      problem: this.#problem,
      since: this.#since,
    };
  }

  /** True while a process of this revision lives. */
  runs(revisionId: RevisionId): boolean {
    return this.life?.alive === true && this.launched?.staged.revisionId === revisionId;
  }

  /** Finds what an earlier agent left: adopts it if it lives, else starts it if it shall run and no command is about to. */
  restore({ startedByCommand = false }: { startedByCommand?: boolean } = {}): Promise<void> {
    return this.#inTurn(async () => {
      const { folder } = this.#options;
      this.launched = await readJson(join(folder, "launched.json"), Launched);
      if (this.launched === null) return;
      const last = await readJson(join(folder, "state.json"), LastState).catch(() => null);
      this.#restarts = last?.restarts ?? 0;
      this.#everHealthy = last?.everHealthy ?? true;
      await this.#voidOpenIntent();
      const record = await readRecord(folder);
      if (record !== null && isAlive(record)) return this.#adopt(record, last);
      if (last?.state === "crash-loop" && !last.everHealthy) return this.#stayDown(last);
      if (!startedByCommand) await this.#bringBack(this.launched);
    });
  }

  async #bringBack(launched: Launched): Promise<void> {
    if (!this.#shallRun()) return;
    this.#restarts += 1;
    await this.#tryLaunch({ ...launched, intent: `restore-${Date.now()}` });
  }

  #adopt(record: ProcessRecord, last: LastState | null): void {
    const wasHealthy = last?.state === "healthy" || last?.state === "unhealthy";
    this.#since = last?.since ?? this.#since;
    this.#state = last?.state ?? "starting";
    this.#live(new Life(this.#lifeOptions({ record, child: null, wasHealthy })), false);
  }

  /** An earlier agent has given it up. */
  #stayDown({ state, since }: LastState): void {
    this.#state = state;
    this.#since = since;
    this.#problem = problemOf("NEVER_HEALTHY", { count: CRASH_LOOP_AFTER });
  }

  /** Starts, after a `clear`; resolves once the process is recorded, or false when it might not begin. */
  start(request: StartRequest): Promise<boolean> {
    return this.#inTurn(async () => {
      this.lastDeath = null;
      this.#deathsInRow = 0;
      this.#everHealthy = false;
      this.#restarts = 0;
      this.#state = "stopped";
      return await this.#launch(request);
    });
  }

  /** Ends what an earlier start left of this letter, without a word to its application. */
  clear(): Promise<void> {
    return this.#inTurn(() => this.#clear());
  }

  /** Ends the whole group with `end`, while nothing restarts it. */
  stop<T>(end: (group: Group) => Promise<T>): Promise<T> {
    this.#wakeRestart.abort();
    return this.#inTurn(async () => {
      this.life?.leave();
      if (this.#state !== "stopped") this.#become("stopping", null);
      await this.#voidOpenIntent();
      const group = await this.group();
      const result = await end(group);
      this.#options.bases.forget(this.slot, this.letter);
      if (group.record !== null) removeControlGroup(group.record.cgroup);
      this.life = null;
      this.#become("stopped", null);
      return result;
    });
  }

  async group(): Promise<Group> {
    return { marker: this.#marker(), record: await readRecord(this.#options.folder) };
  }

  /** Output since the last start: both streams, head and tail. */
  async readOutput(): Promise<Output> {
    const out = await readOutput(this.logFile("stdout"), this.launched?.stdoutBytes ?? 0);
    const error = await readOutput(this.logFile("stderr"), this.launched?.stderrBytes ?? 0);
    return joinOutputs(out, error);
  }

  /** The agent goes, the process stays. */
  leave(): void {
    this.#wakeRestart.abort();
    this.life?.leave();
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work);
    this.#turn = result.catch(() => undefined);
    return result;
  }

  /** Another revision or port is the business of the command that wrote it, which is taken up. */
  #shallRun(): boolean {
    const desired = this.#options.desired();
    const { staged, port } = this.launched ?? {};
    return desired !== null && desired.revisionId === staged?.revisionId && desired.port === port;
  }

  #marker(): Marker {
    return { name: "EVENKEEL_INSTANCE", value: `${this.#options.hostId}:${this.slot}:${this.letter}` };
  }

  async #voidOpenIntent(): Promise<void> {
    const { folder } = this.#options;
    const intent = (await readTextIfThere(join(folder, "intent")))?.trim();
    const record = await readRecord(folder);
    if (intent !== undefined && record?.intent !== intent) await voidIntent(folder, intent);
  }

  async #clear(): Promise<void> {
    this.life?.leave();
    this.life = null;
    await this.#voidOpenIntent();
    const group = await this.group();
    // Without a record nothing was ever started here.
    if (group.record === null || membersOf(group).length === 0) return;
    signalGroup(group, "SIGTERM");
    await waitGroupGone(group, LEFTOVER_TERM_MS);
    await killGroup(group, KILL_MS);
  }

  async #launch({ staged, port, intent, begin }: StartRequest): Promise<boolean> {
    const { folder, address, hostId, revisions, bases, at } = this.#options;
    await makeFolder(folder, 0o700);
    await bases.makeRoom(this.slot, this.letter);
    const stdoutBytes = await sizeOfFile(this.logFile("stdout"));
    const stderrBytes = await sizeOfFile(this.logFile("stderr"));
    const launched = { staged, port, stdoutBytes, stderrBytes, memoryKills: await readMemoryKills() };
    await writeDurableJson(join(folder, "launched.json"), launched);
    await writeIntent(folder, intent);
    at("before-spawn");
    if ((await begin?.()) === false) return false;
    this.launched = launched;
    // killed here: the intent has no record, the next agent voids it and starts anew
    const { record, child } = await launch({
      folder,
      intent,
      command: startCommand(staged.configuration.start, { host: address, port }),
      workFolder: revisions.appFolder(staged.serviceId, staged.revisionId),
      env: cleanEnvironment(this.#marker(), this.#environment({ staged, port })),
      stdout: this.logFile("stdout"),
      stderr: this.logFile("stderr"),
      cgroup: makeControlGroup(`${hostId}-${this.slot}-${this.letter}`),
    });
    // killed here: the record stands, the next agent adopts the process
    at("after-spawn");
    // A crash loop is over when an instance is healthy, not when one more is tried.
    if (this.#state !== "crash-loop") this.#become("starting", null);
    this.#live(new Life(this.#lifeOptions({ record, child, wasHealthy: false })), true);
    return true;
  }

  #environment({ staged, port }: Pick<Launched, "staged" | "port">): Record<string, string> {
    return {
      ...placedEnvironment(staged.configuration.env, this.#options.address),
      HOST: this.#options.address,
      PORT: String(port),
      APP_DIR: this.#options.revisions.appFolder(staged.serviceId, staged.revisionId),
      REVISION: staged.revisionId,
      EVENKEEL_SERVICE: this.slot,
      EVENKEEL_REVISION: staged.revisionId,
      EVENKEEL_VERSION: staged.version,
      EVENKEEL_HOST: this.#options.hostName,
      [BASE_SOCKET_VARIABLE]: this.#options.bases.socketPath(this.slot, this.letter),
      ...(staged.names && {
        EVENKEEL_APPLICATION: staged.names.application,
        EVENKEEL_WORKSPACE: staged.names.workspace,
      }),
    };
  }

  #lifeOptions(from: Pick<ConstructorParameters<typeof Life>[0], "record" | "child" | "wasHealthy">) {
    const { port, staged } = this.launched as Launched;
    const group = { marker: this.#marker(), record: from.record };
    return {
      ...from,
      probe: new HealthProbe(this.#options.address, port, group),
      health: staged.configuration.health,
      heldBack: () => this.#options.bases.heldBack(this.slot, this.letter),
      onJudged: (state: "healthy" | "unhealthy", problem: Problem | null) => this.#become(state, problem),
      onDeath: (death: Death) => this.#died(death),
    };
  }

  #live(life: Life, fresh: boolean): void {
    this.life = life;
    const group = { marker: this.#marker(), record: life.record };
    const env = placedEnvironment(this.launched?.staged.configuration.env ?? {}, this.#options.address);
    this.#options.bases.watch({ slot: this.slot, letter: this.letter, group, fresh, env, isAlive: () => life.alive });
    void life.watch().catch((error: unknown) => this.#options.warn(`watching ended: ${problemFrom(error).title}`));
    this.#options.onChange();
  }

  #died(death: Death): void {
    this.lastDeath = death;
    this.#options.bases.forget(this.slot, this.letter);
    if (!this.#shallRun()) {
      this.life = null;
      this.#become("stopped", null);
      return;
    }
    this.#deathsInRow = death.livedMs > LONG_LIFE_MS ? 1 : this.#deathsInRow + 1;
    const loops = this.#deathsInRow >= CRASH_LOOP_AFTER;
    if (loops && this.#state !== "crash-loop") void this.#loop(death, this.#deathsInRow);
    // Nobody has ever been served by it: it is left down for a person, or the next release, to deal with.
    if (loops && !this.#everHealthy) return;
    if (!loops) this.#become("starting", problemOf("START_FAILED", { exit: death.exit }));
    void this.#restartLater();
  }

  /** Its last words go with the report: who looks at a crash loop asks for them first. */
  async #loop({ exit }: Death, count: number): Promise<void> {
    const { head, tail } = await this.readOutput().catch(() => ({ head: "", tail: "" }));
    if (this.life?.alive === true || !this.#shallRun()) return;
    const lines = `${head}\n${tail}`.split("\n").filter((line) => line.trim() !== "");
    const lastWords = lines.slice(-LAST_WORDS).map((line) => line.slice(0, LINE_CHARACTERS));
    const code = this.#everHealthy ? "CRASH_LOOP" : "NEVER_HEALTHY";
    this.#become("crash-loop", problemOf(code, { count, exit, lastWords }));
  }

  async #restartLater(): Promise<void> {
    this.#wakeRestart = new AbortController();
    const { signal } = this.#wakeRestart;
    const pauseMs = Math.min(BACK_OFF_MS * 2 ** (this.#deathsInRow - 1), BACK_OFF_MAX_MS);
    await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
    await this.#inTurn(async () => {
      // A stop or another start came first.
      if (signal.aborted || this.life?.alive === true || !this.#shallRun() || this.launched === null) return;
      this.#restarts += 1;
      await this.#clear();
      await this.#tryLaunch({ ...this.launched, intent: `restart-${Date.now()}` });
    });
  }

  async #tryLaunch(request: StartRequest): Promise<void> {
    try {
      await this.#launch(request);
    } catch (error) {
      this.#options.warn(`${this.slot} ${this.letter} was not started again: ${problemFrom(error).title}`);
      this.#died({ exit: problemFrom(error).title, code: null, livedMs: 0 });
    }
  }

  #become(state: InstanceState, problem: Problem | null): void {
    if (this.#state === state && this.#problem?.title === problem?.title) return;
    if (this.#state !== state) this.#since = new Date().toISOString();
    this.#state = state;
    this.#problem = problem;
    if (state === "healthy") this.#everHealthy = true;
    const last = { state, since: this.#since, restarts: this.#restarts, everHealthy: this.#everHealthy };
    // Only so that a new agent begins with the same word; it looks for itself soon after.
    void writeFile(join(this.#options.folder, "state.json"), JSON.stringify(last)).catch(() => undefined);
    this.#options.onChange();
  }
}
