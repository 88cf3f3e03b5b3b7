import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { AtExitPoint } from "@evenkeel/agent-core/exit-point";
import type { Desired, Journal } from "@evenkeel/agent-core/journal";
import { type InstanceReport, type InstanceUsage, Letter, StartInput } from "@evenkeel/contracts/agent-protocol";
import { type RevisionId, ServiceId } from "@evenkeel/contracts/id";
import { Claims } from "@evenkeel/kit/claim";
import { rotateLog } from "@evenkeel/kit/log";
import type { Bases } from "./base/bases.ts";
import type { PortRange } from "./config.ts";
import { isDiskFull } from "./disk.ts";
import { Instance } from "./instance.ts";
import { choosePort, claimOf } from "./ports.ts";
import { membersOfEach } from "./process-group.ts";
import type { RevisionStore } from "./revision-store.ts";
import { stopInstance } from "./stop.ts";
import { usageOf } from "./usage.ts";

const ROTATION = { maxBytes: 10 * 1024 ** 2, keep: 3 };

export interface InstancesOptions {
  readonly folder: string;
  readonly hostId: string;
  readonly hostName: string;
  readonly address: string;
  readonly ports: PortRange;
  readonly journal: Journal;
  readonly revisions: RevisionStore;
  readonly bases: Bases;
  readonly at: AtExitPoint;
  onChange(): void;
  warn(text: string): void;
}

/** Every instance of this host, by slot and letter. */
export class Instances {
  readonly #options: InstancesOptions;
  readonly #instances = new Map<string, Instance>();
  /** Ports that were chosen and are not yet in `desired`. */
  readonly #chosen = new Set<number>();
  readonly #claims = new Claims();
  #choice: Promise<unknown> = Promise.resolve();
  #stopping = false;

  constructor(options: InstancesOptions) {
    this.#options = options;
  }

  /** Adopts what lives and starts what shall run; needs no control plane. */
  async restore(): Promise<void> {
    const names = await readdir(this.#options.folder).catch(() => []);
    const slots = names.flatMap((name) => ServiceId.safeParse(name).data ?? []);
    await this.#options.bases.wanted.load(slots);
    const found = slots.flatMap((slot) => Letter.options.map((letter) => this.get(slot, letter)));
    const inHand = this.#startsInHand();
    await Promise.all(
      found.map((instance) =>
        instance
          .restore({ startedByCommand: inHand.has(`${instance.slot}/${instance.letter}`) })
          .then(() => this.#wantIfUnknown(instance))
          .catch((error: Error) => this.#options.warn(`${instance.slot} is not restored: ${error.message}`)),
      ),
    );
  }

  /** Letters that a command was about to start: it is taken up, and asks whether it still may. */
  #startsInHand(): Set<string> {
    const started = this.#options.journal.open().filter(({ state }) => state === "started");
    return new Set(
      started.flatMap(({ command }) => {
        if (command?.type !== "start-instance") return [];
        const input = StartInput.safeParse(command.input);
        return input.success ? [`${command.slot}/${input.data.letter}`] : [];
      }),
    );
  }

  /** A journal that was lost does not know what lives; it shall go on as if it did. */
  #wantIfUnknown({ slot, letter, life, launched }: Instance): void {
    if (life?.alive !== true || launched === null || this.desired(slot, letter) !== undefined) return;
    const { staged, port } = launched;
    this.#options.journal.putDesired({ slot, letter, revisionId: staged.revisionId, running: true, port });
  }

  get(slot: ServiceId, letter: Letter): Instance {
    const key = `${slot}/${letter}`;
    const known = this.#instances.get(key);
    if (known !== undefined) return known;
    const { folder, ...options } = this.#options;
    const made = new Instance({
      ...options,
      slot,
      letter,
      folder: join(folder, slot, letter),
      desired: () => {
        const desired = this.desired(slot, letter);
        return desired?.running === true && !this.#stopping ? desired : null;
      },
    });
    this.#instances.set(key, made);
    return made;
  }

  ofSlot(slot: ServiceId): Instance[] {
    return [...this.#instances.values()].filter((instance) => instance.slot === slot);
  }

  desired(slot: ServiceId, letter: Letter): Desired | undefined {
    return this.#options.journal.listDesired().find((one) => one.slot === slot && one.letter === letter);
  }

  /** Revisions that shall run here. */
  wanted(): Set<RevisionId> {
    const running = this.#options.journal.listDesired().filter((one) => one.running);
    return new Set(running.map(({ revisionId }) => revisionId));
  }

  /** A free port of the range, kept for the caller until `work` has ended. */
  async withPort<T>(work: (port: number) => Promise<T>): Promise<T> {
    const choice = this.#choice.then(() => this.#choosePort());
    // One after another, so that no two begin with the same port.
    this.#choice = choice.catch(() => undefined);
    const port = await choice;
    try {
      return await work(port);
    } finally {
      this.#chosen.delete(port);
    }
  }

  async #choosePort(): Promise<number> {
    const running = this.#options.journal.listDesired().filter((one) => one.running);
    const promised = new Set([...this.#chosen, ...running.map(({ port }) => port)]);
    // Kept beyond the start: an application may take its time before it listens.
    this.#claims.releaseOthers(new Set([...promised].map(claimOf)));
    const { address, ports: range } = this.#options;
    const port = await choosePort({ address, range, promised }, this.#claims);
    this.#chosen.add(port);
    return port;
  }

  reports(): InstanceReport[] {
    return [...this.#instances.values()].map((instance) => instance.report()).filter((report) => report !== null);
  }

  /** What those that live use. */
  async usage(): Promise<InstanceUsage[]> {
    const living = [...this.#instances.values()].flatMap((instance) => {
      const report = instance.life?.alive === true ? instance.report() : null;
      return report === null ? [] : [{ instance, report }];
    });
    const members = membersOfEach(await Promise.all(living.map(({ instance }) => instance.group())));
    return await Promise.all(
      living.map(async ({ report: { slot, letter, revisionId } }, at) => {
        return { slot, letter, revisionId, ...(await usageOf(members[at] ?? [])) };
      }),
    );
  }

  /** Keeps the log files small. */
  async rotateLogs(): Promise<void> {
    for (const instance of this.#instances.values())
      for (const stream of ["stdout", "stderr"] as const) {
        await rotateLog(instance.logFile(stream), ROTATION).catch((error: unknown) => {
          if (!isDiskFull(error)) throw error;
        });
      }
  }

  /** Ends every instance of this host; what shall run stays as it is. */
  async stopAll(): Promise<void> {
    this.#stopping = true;
    await Promise.all(
      [...this.#instances.values()].map((instance) => {
        const stopMs = (instance.launched?.staged.configuration.stopSeconds ?? 0) * 1000;
        return stopInstance(instance, { stopMs, script: null }).catch((error: Error) =>
          this.#options.warn(`${instance.slot} ${instance.letter} is not stopped: ${error.message}`),
        );
      }),
    );
  }

  /** The agent goes, its instances stay. */
  leave(): void {
    for (const instance of this.#instances.values()) instance.leave();
    this.#options.bases.leave();
  }
}
