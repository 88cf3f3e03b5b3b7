import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Command } from "@evenkeel/contracts/agent-protocol";
import { ChangeId, CommandId, newId, RevisionId, ServiceId, StepId } from "@evenkeel/contracts/id";
import { afterEach, describe, expect, test } from "vitest";
import type { Journal } from "./journal.ts";
import { JournalTurn } from "./journal-turn.ts";
import { createMemoryJournal } from "./memory-journal.ts";
import { openSqliteJournal } from "./sqlite-journal.ts";

const slot = newId(ServiceId, "svc");

function commandOf(fields: Partial<Command> = {}): Command {
  return {
    commandId: newId(CommandId, "cmd"),
    changeId: newId(ChangeId, "chg"),
    stepId: newId(StepId, "stp"),
    attempt: 1,
    slot,
    fence: { epoch: 1, token: 5 },
    type: "no-op",
    input: {},
    deadlineMs: 1000,
    ...fields,
  };
}

const succeeded = { kind: "succeeded", facts: { pid: 1 }, elapsedMs: 3 } as const;

function onDisk() {
  const folder = mkdtempSync(join(tmpdir(), "evenkeel-journal-"));
  let journal = openSqliteJournal(join(folder, "journal.db"));
  cleaners.push(() => {
    journal.dispose();
    rmSync(folder, { recursive: true });
  });
  return {
    journal,
    reopen() {
      journal.dispose();
      journal = openSqliteJournal(join(folder, "journal.db"));
      return journal;
    },
  };
}

const kinds: { name: string; open(): { journal: Journal; reopen(): Journal } }[] = [
  {
    name: "in memory",
    open() {
      const journal = createMemoryJournal();
      return { journal, reopen: () => journal };
    },
  },
  { name: "on the disk", open: onDisk },
];

const cleaners: (() => void)[] = [];
afterEach(() => {
  for (const clean of cleaners.splice(0)) clean();
});

describe.each(kinds)("the journal $name", ({ open }) => {
  test("knows a command, when it started and how it ended after it was opened again", () => {
    const { journal, reopen } = open();
    const command = commandOf();
    journal.receive(command);
    journal.start(command.commandId, { bootId: "b", uptimeMs: 7 });
    const { sequence } = journal.end(command, succeeded);
    const later = reopen();
    expect(later.journalId).toBe(journal.journalId);
    expect(later.lastSequence()).toBe(sequence);
    expect(later.find(command.commandId)).toMatchObject({
      command,
      state: "ended",
      startedAt: { bootId: "b", uptimeMs: 7 },
      outcome: succeeded,
      acknowledged: false,
    });
  });

  test("a start that is taken back is a command that was received, and its number is a new one", () => {
    const { journal, reopen } = open();
    const command = commandOf();
    journal.receive(command);
    journal.start(command.commandId, { bootId: "boot", uptimeMs: 5 });
    const before = journal.lastSequence();
    journal.takeBack(command.commandId);
    expect(journal.lastSequence()).toBeGreaterThan(before);
    expect(reopen().open()).toMatchObject([{ commandId: command.commandId, state: "received", startedAt: null }]);
  });

  test("lists what is received, started or not acknowledged, in the order it came, until it is", () => {
    const { journal } = open();
    const [one, two, three, four] = [commandOf(), commandOf(), commandOf(), commandOf()];
    for (const command of [one, two, three, four]) journal.receive(command);
    journal.start(one.commandId, { bootId: "b", uptimeMs: 0 });
    journal.end(two, succeeded);
    journal.close(four.commandId, "revoked");
    expect(journal.open().map(({ commandId, state }) => [commandId, state])).toEqual([
      [one.commandId, "started"],
      [two.commandId, "ended"],
      [three.commandId, "received"],
    ]);
    journal.acknowledge([two.commandId]);
    expect(journal.open().map(({ commandId }) => commandId)).toEqual([one.commandId, three.commandId]);
  });

  test("lets the fence of a slot and the epoch of the host rise, never fall", () => {
    const { journal, reopen } = open();
    journal.receive(commandOf({ fence: { epoch: 2, token: 3 } }));
    journal.receive(commandOf({ fence: { epoch: 1, token: 99 } }));
    journal.end(commandOf({ fence: { epoch: 7, token: 9 } }), succeeded);
    journal.raiseEpoch(1);
    const later = reopen();
    expect(later.highestFence(slot)).toEqual({ epoch: 2, token: 3 });
    expect(later.highestFence(null).epoch).toBe(2);
    expect(later.highestFence(newId(ServiceId, "svc"))).toEqual({ epoch: 0, token: 0 });
  });

  test("forgets the commands of a change but those in hand", () => {
    const { journal } = open();
    const changeId = newId(ChangeId, "chg");
    const [ended, started, other] = [commandOf({ changeId }), commandOf({ changeId }), commandOf()];
    for (const command of [ended, started, other]) journal.receive(command);
    journal.end(ended, succeeded);
    journal.start(started.commandId, { bootId: "b", uptimeMs: 0 });
    expect(journal.forget(changeId)).toEqual([ended.commandId]);
    expect(journal.find(ended.commandId)).toBeNull();
    expect(journal.open().map(({ commandId }) => commandId)).toEqual([started.commandId, other.commandId]);
  });

  test("remembers the revocation of a command that never came", () => {
    const { journal, reopen } = open();
    const { commandId } = commandOf();
    journal.close(commandId, "revoked");
    expect(reopen().find(commandId)).toMatchObject({ command: null, state: "revoked" });
  });

  test("keeps what shall run", () => {
    const { journal, reopen } = open();
    const desired = { slot, letter: "a", revisionId: newId(RevisionId, "rev"), running: true, port: 20_000 } as const;
    journal.putDesired(desired);
    journal.putDesired({ ...desired, letter: "b" });
    journal.putDesired({ ...desired, running: false });
    expect(reopen().listDesired()).toEqual([
      { ...desired, running: false },
      { ...desired, letter: "b" },
    ]);
  });
});

test("a journal that another process has open is refused, and is free again when that one is killed", () => {
  const folder = mkdtempSync(join(tmpdir(), "evenkeel-journal-"));
  const path = join(folder, "journal.db");
  cleaners.push(() => rmSync(folder, { recursive: true }));
  const module = new URL("./sqlite-journal.ts", import.meta.url).href;
  const script = `
    import { openSqliteJournal } from ${JSON.stringify(module)};
    try {
      openSqliteJournal(${JSON.stringify(path)}).raiseEpoch(4);
    } catch (error) {
      console.log(error.code);
    }
    process.kill(process.pid, "SIGKILL");`;
  const openElsewhere = () =>
    spawnSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8" }).stdout.trim();
  const journal = openSqliteJournal(path);
  expect(openElsewhere()).toBe("HOME_IN_USE");
  journal.dispose();
  expect(openElsewhere()).toBe("");
  const later = openSqliteJournal(path);
  expect(later.highestFence(null).epoch).toBe(4);
  later.dispose();
});

test("a journal that was set back to an older copy is put aside for a new one, and one that was only closed is not", () => {
  const folder = mkdtempSync(join(tmpdir(), "evenkeel-journal-"));
  const path = join(folder, "journal.db");
  cleaners.push(() => rmSync(folder, { recursive: true }));
  const desired = { slot, letter: "a", revisionId: newId(RevisionId, "rev"), running: true, port: 20_000 } as const;
  const first = openSqliteJournal(path);
  first.putDesired(desired);
  first.dispose();
  copyFileSync(path, `${path}.copy`);
  const second = openSqliteJournal(path);
  expect([second.journalId, second.listDesired()]).toEqual([first.journalId, [desired]]);
  second.putDesired({ ...desired, running: false });
  second.dispose();
  copyFileSync(`${path}.copy`, path);
  const third = openSqliteJournal(path);
  expect(third.journalId).not.toBe(first.journalId);
  expect([third.lastSequence(), third.listDesired()]).toEqual([0, []]);
  expect(existsSync(`${path}.set-back`)).toBe(true);
  third.dispose();
});

test("what is asked for in one turn is stored together, and whoever fails fails alone", async () => {
  const { journal, reopen } = onDisk();
  const turn = new JournalTurn(journal);
  const commands = [commandOf(), commandOf(), commandOf()];
  const asked = commands.map((command, at) =>
    turn.write(() => {
      if (at === 1) throw new Error("a fault of this one");
      journal.receive(command);
      return journal.lastSequence();
    }),
  );
  const lone = turn.write(() => journal.lastSequence());
  const before = journal.lastSequence();
  const told = await Promise.allSettled(asked);
  expect(told.map((one) => (one.status === "fulfilled" ? one.value : one.reason.message))).toEqual([
    before + 1,
    "a fault of this one",
    before + 2,
  ]);
  expect(await lone).toBe(before + 2);
  const later = reopen();
  expect(later.open().map(({ commandId }) => commandId)).toEqual([commands[0]?.commandId, commands[2]?.commandId]);
  expect(later.lastSequence()).toBe(before + 2);
});
