import {
  closeSync,
  existsSync,
  openSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
  truncateSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import { Command, type Fence, lineOf, Outcome } from "@evenkeel/contracts/agent-protocol";
import { PlatformError } from "@evenkeel/contracts/error";
import { CommandId, JournalId, newId, RevisionId, ServiceId } from "@evenkeel/contracts/id";
import { type CommandState, type Journal, type JournalEntry, UNKNOWN_REVOCATIONS_KEPT } from "./journal.ts";
import { JournalMark } from "./journal-mark.ts";

// 1. One process at a time: the exclusive lock ends with the process that holds it, however it ends.
// 2. Every write, or all of those that are made together, is one transaction, synchronous FULL: it is on the disk when the call returns.
// 3. A journal that was set back to an older copy is not used: it would bring back what has ended since. It is kept beside
//    a new one, by whose id the control plane knows that this host cannot tell what it has done.
// 4. A full disk does not keep the agent from stopping an instance: the ballast beside the journal is given up first.

const SCHEMA = `
  CREATE TABLE meta (journal_id TEXT NOT NULL, sequence INTEGER NOT NULL, epoch INTEGER NOT NULL) STRICT;
  CREATE TABLE command (
    command_id TEXT PRIMARY KEY, change_id TEXT, body TEXT, state TEXT NOT NULL, boot_id TEXT, uptime_ms REAL,
    outcome TEXT, received INTEGER NOT NULL, sequence INTEGER NOT NULL, acknowledged INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX command_change ON command (change_id);
  CREATE INDEX command_open ON command (received)
    WHERE state IN ('received', 'started') OR (state = 'ended' AND acknowledged = 0);
  CREATE INDEX command_unknown ON command (received) WHERE body IS NULL;
  CREATE TABLE fence (slot TEXT PRIMARY KEY, epoch INTEGER NOT NULL, token INTEGER NOT NULL) STRICT;
  CREATE TABLE desired (
    slot TEXT NOT NULL, letter TEXT NOT NULL, revision_id TEXT NOT NULL, running INTEGER NOT NULL, port INTEGER NOT NULL,
    PRIMARY KEY (slot, letter)
  ) STRICT;
  PRAGMA user_version = 1;
`;
const MARK = "journal.mark";
const BALLAST_BYTES = 2 * 1024 ** 2;
const BALLAST_SLICE_BYTES = 128 * 1024;
const SQLITE_BUSY = 5;
const SQLITE_FULL = 13;

interface CommandRow {
  command_id: string;
  body: string | null;
  state: CommandState;
  boot_id: string | null;
  uptime_ms: number | null;
  outcome: string | null;
  sequence: number;
  acknowledged: number;
}

/** Opens the journal at this path, or begins one; refuses while another process has it open. */
export function openSqliteJournal(path: string): Journal {
  const ballast = `${path}.ballast`;
  const journal = new SqliteJournal(open(path), { path, ballast });
  if (journal.isSetBack()) {
    journal.dispose();
    // killed here: the next agent finds it set back again
    renameSync(path, `${path}.set-back`);
    return openSqliteJournal(path);
  }
  refill(ballast);
  return journal;
}

function open(path: string): DatabaseSync {
  const database = new DatabaseSync(path);
  try {
    database.exec("PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
    const { user_version } = database.prepare("PRAGMA user_version").get() as { user_version: number };
    if (user_version === 0) {
      const journalId = newId(JournalId, "jrn");
      database.exec(`BEGIN EXCLUSIVE; ${SCHEMA} INSERT INTO meta VALUES ('${journalId}', 0, 0); COMMIT`);
    }
    return database;
  } catch (error) {
    database.close();
    const { errcode, message } = error as { errcode?: number; message: string };
    if (errcode === SQLITE_BUSY) throw new PlatformError("HOME_IN_USE", { home: dirname(path), pid: "of an agent" });
    throw new PlatformError("FILE_DAMAGED", { path, reason: message });
  }
}

function refill(ballast: string): void {
  if (existsSync(ballast) && statSync(ballast).size === BALLAST_BYTES) return;
  const { bavail, bsize } = statfsSync(dirname(ballast));
  if (bavail * bsize < 4 * BALLAST_BYTES) return;
  const file = openSync(ballast, "w");
  try {
    writeSync(file, Buffer.alloc(BALLAST_BYTES));
  } finally {
    closeSync(file);
  }
}

/** Gives up one slice only: others on this disk would take the rest. */
function throwOut(ballast: string): boolean {
  const size = existsSync(ballast) ? statSync(ballast).size : 0;
  if (size > BALLAST_SLICE_BYTES) truncateSync(ballast, size - BALLAST_SLICE_BYTES);
  else rmSync(ballast, { force: true });
  return size > 0;
}

class SqliteJournal implements Journal {
  readonly journalId: JournalId;
  readonly #database: DatabaseSync;
  readonly #ballast: string;
  readonly #statements = new Map<string, ReturnType<DatabaseSync["prepare"]>>();
  readonly #mark: JournalMark;
  #sequence: number;
  #epoch: number;
  #isTogether = false;

  constructor(database: DatabaseSync, { path, ballast }: { path: string; ballast: string }) {
    this.#database = database;
    this.#ballast = ballast;
    const row = database.prepare("SELECT journal_id, sequence, epoch FROM meta").get();
    const { journal_id, sequence, epoch } = row as { journal_id: string; sequence: number; epoch: number };
    this.journalId = JournalId.parse(journal_id);
    this.#sequence = sequence;
    this.#epoch = epoch;
    this.#mark = new JournalMark(join(dirname(path), MARK), this.journalId);
  }

  /** It was further than this once. */
  isSetBack(): boolean {
    return this.#mark.isBeyond(this.#sequence);
  }

  lastSequence(): number {
    return this.#sequence;
  }

  find(commandId: CommandId): JournalEntry | null {
    const row = this.#prepare("SELECT * FROM command WHERE command_id = ?").get(commandId);
    return row === undefined ? null : entryOf(row as unknown as CommandRow);
  }

  open(): JournalEntry[] {
    const rows = this.#prepare(
      "SELECT * FROM command WHERE state IN ('received', 'started') OR (state = 'ended' AND acknowledged = 0) ORDER BY received",
    ).all();
    return (rows as unknown as CommandRow[]).map(entryOf);
  }

  highestFence(line: string | null): Fence {
    if (line === null) return { epoch: this.#epoch, token: 0 };
    const row = this.#prepare("SELECT epoch, token FROM fence WHERE slot = ?").get(line);
    const { epoch, token } = (row ?? { epoch: 0, token: 0 }) as unknown as Fence;
    return { epoch, token };
  }

  receive(command: Command): void {
    const line = lineOf(command);
    this.#write((next) => {
      this.#insert(command, next);
      if (line !== null)
        this.#run(
          "INSERT INTO fence VALUES (?1, ?2, ?3) ON CONFLICT (slot) DO UPDATE SET epoch = ?2, token = ?3 WHERE (?2, ?3) > (epoch, token)",
          [line, command.fence.epoch, command.fence.token],
        );
      this.#storeEpoch(command.fence.epoch);
    });
    this.#epoch = Math.max(this.#epoch, command.fence.epoch);
  }

  start(commandId: CommandId, at: { bootId: string; uptimeMs: number }): void {
    this.#write((next) =>
      this.#run("UPDATE command SET state = 'started', boot_id = ?, uptime_ms = ?, sequence = ? WHERE command_id = ?", [
        at.bootId,
        at.uptimeMs,
        next,
        commandId,
      ]),
    );
  }

  takeBack(commandId: CommandId): void {
    this.#write((next) =>
      this.#run(
        "UPDATE command SET state = 'received', boot_id = NULL, uptime_ms = NULL, sequence = ? WHERE command_id = ?",
        [next, commandId],
      ),
    );
  }

  end(command: Command, outcome: Outcome): JournalEntry {
    this.#write((next) => {
      this.#insert(command, next);
      this.#run("UPDATE command SET state = 'ended', outcome = ?, sequence = ? WHERE command_id = ?", [
        JSON.stringify(outcome),
        next,
        command.commandId,
      ]);
    });
    const entry = this.find(command.commandId);
    if (entry === null) throw new Error("a command that was just stored is not there");
    return entry;
  }

  close(commandId: CommandId, state: "revoked" | "void"): void {
    this.#write((next) => {
      this.#run(
        "INSERT INTO command VALUES (?1, NULL, NULL, ?2, NULL, NULL, NULL, ?3, ?3, 0) ON CONFLICT (command_id) DO UPDATE SET state = ?2, sequence = ?3",
        [commandId, state, next],
      );
      this.#run("DELETE FROM command WHERE body IS NULL AND received <= ?", [next - UNKNOWN_REVOCATIONS_KEPT]);
    });
  }

  acknowledge(commandIds: readonly CommandId[]): void {
    this.#write((next) => {
      for (const commandId of commandIds)
        this.#run("UPDATE command SET acknowledged = 1, sequence = ? WHERE command_id = ?", [next, commandId]);
    });
    refill(this.#ballast);
  }

  forget(changeId: string): CommandId[] {
    const where = "change_id = ? AND state NOT IN ('received', 'started')";
    const rows = this.#prepare(`SELECT command_id FROM command WHERE ${where}`).all(changeId);
    this.#write(() => this.#run(`DELETE FROM command WHERE ${where}`, [changeId]));
    return (rows as unknown as CommandRow[]).map((row) => CommandId.parse(row.command_id));
  }

  raiseEpoch(epoch: number): void {
    if (epoch <= this.#epoch) return;
    this.#write(() => this.#storeEpoch(epoch));
    this.#epoch = epoch;
  }

  listDesired(): ReturnType<Journal["listDesired"]> {
    const rows = this.#prepare("SELECT * FROM desired ORDER BY slot, letter").all();
    return rows.map((row) => ({
      slot: ServiceId.parse(row.slot),
      letter: row.letter === "b" ? "b" : "a",
      revisionId: RevisionId.parse(row.revision_id),
      running: row.running === 1,
      port: Number(row.port),
    }));
  }

  putDesired(desired: Parameters<Journal["putDesired"]>[0]): void {
    const { slot, letter, revisionId, running, port } = desired;
    this.#write(() =>
      this.#run("INSERT OR REPLACE INTO desired VALUES (?, ?, ?, ?, ?)", [
        slot,
        letter,
        revisionId,
        running ? 1 : 0,
        port,
      ]),
    );
  }

  dispose(): void {
    this.#mark.close();
    this.#database.close();
  }

  #insert(command: Command, next: number): void {
    this.#run(
      "INSERT INTO command VALUES (?1, ?2, ?3, 'received', NULL, NULL, NULL, ?4, ?4, 0) ON CONFLICT (command_id) DO NOTHING",
      [command.commandId, command.changeId, JSON.stringify(command), next],
    );
  }

  #storeEpoch(epoch: number): void {
    if (epoch > this.#epoch) this.#run("UPDATE meta SET epoch = ?", [epoch]);
  }

  together<Result>(work: () => Result): Result {
    if (this.#isTogether) return work();
    this.#isTogether = true;
    try {
      return this.#transact(work);
    } finally {
      this.#isTogether = false;
    }
  }

  #write(work: (next: number) => void): void {
    const step = (): void => {
      work(this.#sequence + 1);
      this.#sequence += 1;
    };
    if (this.#isTogether) step();
    else this.#writeAlone(step);
  }

  #writeAlone(step: () => void): void {
    try {
      this.together(step);
    } catch (error) {
      if ((error as { errcode?: number }).errcode !== SQLITE_FULL || !throwOut(this.#ballast)) throw error;
      this.#writeAlone(step);
    }
  }

  #transact<Result>(work: () => Result): Result {
    const [sequence, epoch] = [this.#sequence, this.#epoch];
    this.#database.exec("BEGIN IMMEDIATE");
    try {
      const result = work();
      if (this.#sequence > sequence) this.#run("UPDATE meta SET sequence = ?", [this.#sequence]);
      this.#database.exec("COMMIT");
      // killed here: the mark is behind, and says nothing
      this.#mark.move(this.#sequence);
      return result;
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
      this.#sequence = sequence;
      this.#epoch = epoch;
      throw error;
    }
  }

  #run(sql: string, values: SQLInputValue[]): void {
    this.#prepare(sql).run(...values);
  }

  #prepare(sql: string): ReturnType<DatabaseSync["prepare"]> {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#database.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }
}

function entryOf(row: CommandRow): JournalEntry {
  return {
    commandId: CommandId.parse(row.command_id),
    command: row.body === null ? null : Command.parse(JSON.parse(row.body)),
    state: row.state,
    startedAt: row.boot_id === null ? null : { bootId: row.boot_id, uptimeMs: row.uptime_ms ?? 0 },
    outcome: row.outcome === null ? null : Outcome.parse(JSON.parse(row.outcome)),
    sequence: row.sequence,
    acknowledged: row.acknowledged === 1,
  };
}
