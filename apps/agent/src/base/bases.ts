import { createHash } from "node:crypto";
import { lstat, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ProcessRecord } from "@evenkeel/agent-core/shim";
import type { Letter, SlotBase } from "@evenkeel/contracts/agent-protocol";
import { PlatformError } from "@evenkeel/contracts/error";
import type { ServiceId } from "@evenkeel/contracts/id";
import { makeFolder } from "@evenkeel/kit/durable-file";
import { isListening } from "../health.ts";
import type { ObjectStore } from "../object-store.ts";
import type { Group } from "../process-group.ts";
import { ARKLET_VARIABLE, ArkletLine, arkletUrl } from "./arklet/line.ts";
import { type BaseLine, socketLine } from "./base-line.ts";
import { BaseProcess } from "./base-process.ts";
import { WantedModules } from "./wanted-modules.ts";

/** Bytes that the path of a unix socket may have on Linux. */
const SOCKET_PATH_BYTES = 107;
const SOCKET = "base.sock";

export interface BasesOptions {
  /** Of the instances: a folder for each slot. */
  readonly folder: string;
  readonly objects: ObjectStore;
  onChange(): void;
  warn(text: string): void;
}

/** A process that lives in a letter, and may turn out to be a base. */
export interface Candidate {
  readonly slot: ServiceId;
  readonly letter: Letter;
  readonly group: Group & { readonly record: ProcessRecord };
  readonly fresh: boolean;
  /** What of its environment its manifest gives: a foreign base says there where its API is. */
  readonly env: Readonly<Record<string, string>>;
  isAlive(): boolean;
}

/** The bases among the instances of this host. */
export class Bases {
  readonly wanted: WantedModules;
  readonly #options: BasesOptions;
  readonly #processes = new Map<string, BaseProcess>();
  readonly #altered = new Set<ServiceId>();

  constructor(options: BasesOptions) {
    this.#options = options;
    this.wanted = new WantedModules(options.folder);
  }

  /** Where an instance may listen as a base: in its folder, or, where that has too long a name, in a closed one of its own. */
  socketPath(slot: ServiceId, letter: Letter): string {
    const near = join(this.#options.folder, slot, letter, SOCKET);
    if (Buffer.byteLength(near) <= SOCKET_PATH_BYTES) return near;
    const name = createHash("sha256").update(near).digest("hex").slice(0, 24);
    return join(tmpdir(), `evenkeel-base-${process.getuid?.() ?? 0}-${name}`, SOCKET);
  }

  /** Before a process starts: what an earlier one left is gone. */
  async makeRoom(slot: ServiceId, letter: Letter): Promise<void> {
    const path = this.socketPath(slot, letter);
    const folder = join(path, "..");
    await makeFolder(folder, 0o700);
    const { uid, mode } = await lstat(folder);
    if (uid !== process.getuid?.() || (mode & 0o077) !== 0)
      throw new PlatformError("FILE_UNUSABLE", { path: folder, reason: "it is not closed to others" });
    await rm(path, { force: true });
  }

  /** A process lives in this letter: it is watched for becoming a base. */
  watch(candidate: Candidate): void {
    const { slot, letter, group, fresh, isAlive } = candidate;
    const key = `${slot}/${letter}`;
    this.#processes.get(key)?.leave();
    const { objects, onChange, warn } = this.#options;
    const followed = new BaseProcess({
      ...{ slot, letter, pid: group.record.pid, fresh, isAlive, objects, warn },
      line: this.#lineOf(candidate),
      wanted: this.wanted,
      onAltered: () => {
        this.#altered.add(slot);
        onChange();
      },
    });
    this.#processes.set(key, followed);
    void followed.follow().catch((error: Error) => warn(`a base is not watched: ${error.message}`));
  }

  /** The process of this letter has ended, or is nobody's concern any more. */
  forget(slot: ServiceId, letter: Letter): void {
    this.#processes.get(`${slot}/${letter}`)?.leave();
    this.#processes.delete(`${slot}/${letter}`);
  }

  heldBack(slot: ServiceId, letter: Letter): string | null {
    return this.#processes.get(`${slot}/${letter}`)?.heldBack() ?? null;
  }

  /** The base of a slot, once it has told of itself; where two stand side by side, the newer one. Throws where no process lives that may be one. */
  async reach(slot: ServiceId, signal: AbortSignal): Promise<BaseProcess> {
    for (;;) {
      const found = this.#newest(slot);
      if (found !== undefined) return found;
      // Adopted a moment ago, or just started: it tells of itself as soon as it is heard of.
      const coming = [...this.#processes.values()].filter(({ options, isLeft }) => options.slot === slot && !isLeft);
      if (coming.length === 0 || signal.aborted) throw new PlatformError("BASE_ABSENT", { slot });
      await Promise.race(coming.map((each) => each.heard(signal)));
    }
  }

  /** Of each slot the base that serves there. */
  answering(): BaseProcess[] {
    const slots = new Set([...this.#processes.values()].map(({ options }) => options.slot));
    return [...slots].flatMap((slot) => this.#newest(slot) ?? []);
  }

  /** Those that altered since the last call, or all; undefined where there never was one. */
  take(all: boolean): SlotBase[] | undefined {
    const known = new Set([...this.#processes.values()].map(({ options }) => options.slot));
    const slots = all ? known : new Set(this.#altered);
    this.#altered.clear();
    const bases = [...slots].flatMap((slot) => {
      const newest = this.#newest(slot);
      if (newest !== undefined) return [newest.show()];
      return all ? [] : [{ slot, letter: "a" as const, report: null }];
    });
    return all && bases.length === 0 && this.wanted.digests().length === 0 ? undefined : bases;
  }

  /** The agent goes, the bases stay. */
  leave(): void {
    for (const each of this.#processes.values()) each.leave();
  }

  #lineOf({ slot, letter, group, env }: Candidate): BaseLine {
    const arklet = env[ARKLET_VARIABLE];
    const url = arklet === undefined ? null : arkletUrl(arklet);
    if (arklet !== undefined && url === null)
      this.#options.warn(`${ARKLET_VARIABLE}: ${arklet} is no address of the loopback such as http://127.0.0.1:1238`);
    if (url === null) return socketLine(this.socketPath(slot, letter));
    const hostname = url.hostname === "localhost" ? "127.0.0.1" : url.hostname;
    const isOurs = (): boolean => isListening(group, hostname, Number(url.port || 80));
    return new ArkletLine({ url, pid: group.record.pid, isOurs, wanted: () => this.wanted.of(slot) });
  }

  #newest(slot: ServiceId): BaseProcess | undefined {
    const here = [...this.#processes.values()].filter(
      ({ options, report }) => options.slot === slot && report !== null,
    );
    return here.sort((one, other) => (other.report?.startedAt ?? "").localeCompare(one.report?.startedAt ?? ""))[0];
  }
}
