/**
 * One admitted connection of an agent.
 * 1. A command is marked as sent before it leaves; one that was marked and never arrived is found by the next hello and sent again.
 *    So whoever marked it and does not know whether that is committed ends the link.
 * 2. An outcome is acknowledged only after the listener's promise resolved and the row is marked: until then the agent says it again.
 * 3. Revocations and changes to forget are read from the database each time; a repeated order does no harm.
 */
import type { AgentMessage, AgentOrder, Command } from "@evenkeel/contracts/agent-protocol";
import type { ChangeId, CommandId, HostId, TenantId } from "@evenkeel/contracts/id";
import type { BaseWindow } from "@evenkeel/contracts/module-statistics";
import type { Log } from "@evenkeel/kit/log";
import type { Kysely } from "kysely";
import { recordBases } from "../base-cluster/index.ts";
import type { Database } from "../database.ts";
import type { Link } from "../link/index.ts";
import type { Hello } from "./admission.ts";
import type { Desk } from "./desk.ts";
import type { AgentListener } from "./listener.ts";
import { LogReads } from "./log-reader.ts";
import {
  type Connection,
  findCommand,
  type InstancesTold,
  type KnownHost,
  markEnded,
  recordTelemetry,
  settleRevocation,
  storeInstances,
} from "./store/index.ts";
import { HostReadings } from "./telemetry.ts";
import { compareOutbox } from "./welcome.ts";

export interface ConnectionDeps {
  readonly db: Kysely<Database>;
  readonly desk: Desk;
  readonly listener: AgentListener;
  readonly log: Log;
  readonly nowMs: () => number;
  readonly answerChallenge: (nonce: string) => Promise<void>;
  readonly recordWindows: RecordWindows;
}

/** Keeps what the bases of a host have done; forgets it rather than wait. */
export type RecordWindows = (
  host: { readonly hostId: HostId; readonly tenantId: TenantId },
  windows: readonly BaseWindow[],
) => void;

const RETRY_MS = 300;
// Most steps end sooner: then their outcome says it all, and one write less stands in the way of the next step.
const TELL_STARTED_AFTER_MS = 50;

export class AgentConnection {
  readonly connection: Connection;
  readonly host: KnownHost;
  readonly link: Link<AgentMessage, AgentOrder>;
  readonly logs: LogReads;
  readonly readings = new HostReadings();
  readonly #deps: ConnectionDeps;
  readonly #journalId: string;
  readonly #address: string;
  /** Of this host, and not known to have ended. */
  readonly #open = new Map<CommandId, ChangeId>();
  readonly #asked = new Set<CommandId | ChangeId>();
  /** Began a moment ago; told to the listener unless they end first. */
  readonly #begun = new Map<CommandId, NodeJS.Timeout>();
  #ready = false;
  #pumping = false;
  #pumpAgain = false;

  constructor(deps: ConnectionDeps, link: Link<AgentMessage, AgentOrder>, admitted: Admitted) {
    this.#deps = deps;
    this.link = link;
    this.host = admitted.host;
    this.connection = admitted.connection;
    this.#journalId = admitted.hello.journalId;
    this.#address = admitted.hello.address;
    this.logs = new LogReads((order) => link.send(order));
  }

  /** Tells the agent which of its commands may go on, and sends what waits for it. */
  async begin(hello: Hello): Promise<void> {
    const { db, desk, listener } = this.#deps;
    const { hostId, connectionEpoch } = this.connection;
    const rows = await desk.sent(hostId);
    for (const { commandId, state, body } of rows)
      if (state === "sent" || state === "revoking") this.#open.set(commandId, body.changeId);
    const found = compareOutbox(rows, hello.open);
    for (const commandId of found.revoked) await this.#settleRevoked(commandId, true);
    await markEnded(db, found.ended);
    for (const commandId of found.started) await listener.started(commandId);
    this.link.send({
      kind: "welcome",
      connectionEpoch,
      epoch: this.host.epoch,
      serverAt: new Date().toISOString(),
      resume: found.resume,
      void: found.void,
      acknowledged: found.acknowledged,
    });
    for (const command of found.resend) this.link.send({ kind: "command", command });
    this.#ready = true;
    this.pump();
    if (await desk.isNews(this.#told(hello.instances))) await this.#storeInstances(hello.instances);
  }

  /** It has been welcomed, so commands may be marked for it. */
  get ready(): boolean {
    return this.#ready && this.link.open;
  }

  /** Sends a command that a committed transaction has marked as sent to this connection. */
  deliver(command: Command): void {
    this.#open.set(command.commandId, command.changeId);
    this.link.send({ kind: "command", command });
  }

  /** Sends what is new in the outbox. */
  pump(): void {
    this.#pumpAgain = true;
    if (this.#pumping || !this.#ready) return;
    this.#pumping = true;
    void this.#pumpAll();
  }

  immediate(message: AgentMessage): boolean {
    switch (message.kind) {
      case "heartbeat":
        this.#heartbeat(message);
        return true;
      case "challenge-answer":
        this.#deps
          .answerChallenge(message.nonce)
          .catch((error: unknown) => this.#deps.log.warn({ err: error }, "a challenge could not be answered"));
        return true;
      case "log":
        this.logs.receive(message);
        return true;
      case "base-windows": {
        const { hostId } = this.connection;
        this.#deps.recordWindows({ hostId, tenantId: this.host.tenantId }, message.bases);
        return true;
      }
      default:
        return false;
    }
  }

  async message(message: AgentMessage): Promise<void> {
    const { listener } = this.#deps;
    switch (message.kind) {
      case "started":
        return this.#noteStarted(message.commandId);
      case "output":
        if (await this.#isOurs(message.commandId)) await listener.output(message.commandId, message.text);
        return;
      case "outcome":
        return await this.#outcome(message);
      case "revoked":
        if (await this.#isOurs(message.commandId)) await this.#settleRevoked(message.commandId, message.revoked);
        return;
      case "instances":
        return await this.#storeInstances(message.instances);
      case "bases": {
        const { connection, host } = this;
        const { whole, bases } = message;
        return await recordBases(this.#deps.db, { connection, tenantId: host.tenantId, whole, bases });
      }
      case "hello":
      case "heartbeat":
      case "challenge-answer":
      case "log":
      case "base-windows":
        return;
    }
  }

  #noteStarted(commandId: CommandId): void {
    const { listener, log } = this.#deps;
    const tell = async (): Promise<void> => {
      this.#begun.delete(commandId);
      if (this.link.open && (await this.#isOurs(commandId))) await listener.started(commandId);
    };
    const told = (): void => {
      tell().catch((error: unknown) => log.warn({ host: this.host.name, err: error }, "a start could not be noted"));
    };
    this.#begun.set(commandId, setTimeout(told, TELL_STARTED_AFTER_MS));
  }

  async #outcome({ commandId, sequence, outcome }: Extract<AgentMessage, { kind: "outcome" }>): Promise<void> {
    const { db, desk, listener } = this.#deps;
    const { hostId } = this.connection;
    clearTimeout(this.#begun.get(commandId));
    this.#begun.delete(commandId);
    const changeId = this.#open.get(commandId);
    const found =
      changeId === undefined ? await findCommand(db, hostId, commandId) : { changeId, state: "sent" as const };
    if (found !== null && found.state !== "ended") {
      await listener.outcome({ commandId, changeId: found.changeId }, outcome);
    }
    // killed here: the agent says it again, and the listener knows it
    const forget = await desk.recordEnd({ hostId, commandId, journalId: this.#journalId, sequence });
    this.#open.delete(commandId);
    // killed here: the next hello finds the row ended and acknowledges it
    this.link.send({ kind: "acknowledge", commandId });
    if (forget) this.pump();
  }

  async #settleRevoked(commandId: CommandId, revoked: boolean): Promise<void> {
    await this.#deps.listener.revoked(commandId, revoked);
    // killed here: the row still says revoking, so the agent is asked again and answers the same
    await settleRevocation(this.#deps.db, commandId, revoked ? "revoked" : "sent");
    // Only now: as long as the row says revoking, a look at the outbox would ask again.
    this.#asked.delete(commandId);
    if (revoked) this.#open.delete(commandId);
    this.pump();
  }

  async #isOurs(commandId: CommandId): Promise<boolean> {
    return this.#open.has(commandId) || (await findCommand(this.#deps.db, this.connection.hostId, commandId)) !== null;
  }

  async #storeInstances(instances: Hello["instances"]): Promise<void> {
    await storeInstances(this.#deps.db, this.#told(instances));
  }

  #told(instances: Hello["instances"]): InstancesTold {
    return { connection: this.connection, tenantId: this.host.tenantId, address: this.#address, instances };
  }

  async #pumpAll(): Promise<void> {
    try {
      while (this.#pumpAgain && this.link.open) {
        this.#pumpAgain = false;
        for (const command of await this.#deps.desk.queued(this.connection)) {
          this.deliver(command);
        }
        await this.#runErrands();
      }
    } catch (error) {
      this.#deps.log.warn({ host: this.host.name, err: error }, "the outbox could not be read");
      setTimeout(() => this.pump(), RETRY_MS);
    }
    // Nothing runs between the loop's last look and this line, so no call of pump is lost.
    this.#pumping = false;
  }

  async #runErrands(): Promise<void> {
    const { desk, log } = this.#deps;
    const { hostId } = this.connection;
    const errands = await desk.errands(hostId);
    for (const commandId of errands.revoke) {
      if (this.#asked.has(commandId)) continue;
      this.#asked.add(commandId);
      this.link.send({ kind: "revoke", commandId });
    }
    const forget = errands.forget.filter((changeId) => !this.#asked.has(changeId));
    if (forget.length === 0) return;
    for (const changeId of forget) {
      this.#asked.add(changeId);
      this.link.send({ kind: "forget", changeId });
    }
    this.link.afterRead(() => {
      desk
        .forgotten({ hostId, changeIds: forget })
        .catch((error: unknown) => log.warn({ err: error }, "forgotten rows stay"))
        .finally(() => {
          for (const changeId of forget) this.#asked.delete(changeId);
        });
    });
  }

  #heartbeat(beat: Extract<AgentMessage, { kind: "heartbeat" }>): void {
    const { db, log, nowMs } = this.#deps;
    this.readings.take(beat, Date.now());
    if (beat.usage !== undefined) this.readings.usage = beat.usage;
    if (!this.readings.dueAt(nowMs())) return;
    recordTelemetry(db, { hostId: this.connection.hostId, ...this.readings.current }).catch((error: unknown) =>
      log.warn({ host: this.host.name, err: error }, "the facts of a host could not be written"),
    );
  }
}

export interface Admitted {
  readonly host: KnownHost;
  readonly connection: Connection;
  readonly hello: Hello;
}
