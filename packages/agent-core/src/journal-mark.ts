import { closeSync, openSync, readFileSync, writeSync } from "node:fs";
import type { JournalId } from "@evenkeel/contracts/id";

// 1. The journal is on the disk before its mark is written: a mark beyond the journal means that the journal is an older copy.
// 2. The mark itself may be lost or be behind, by a power cut or a full disk: then it says nothing.

/** Always as long, so that it is written over in place. */
const WIDTH = 16;

/** How far a journal has come, told beside it. */
export class JournalMark {
  readonly #path: string;
  readonly #journalId: JournalId;
  #file: number | null = null;

  constructor(path: string, journalId: JournalId) {
    this.#path = path;
    this.#journalId = journalId;
  }

  /** True when this journal has been further than this. */
  isBeyond(sequence: number): boolean {
    const [journalId, reached] = readIfThere(this.#path).split(/ +/);
    return journalId === this.#journalId && Number(reached) > sequence;
  }

  move(sequence: number): void {
    try {
      this.#file ??= openSync(this.#path, "w", 0o600);
      writeSync(this.#file, `${this.#journalId} ${String(sequence).padStart(WIDTH)}`, 0);
    } catch {
      // What the mark would say is worth less than the write that it follows.
    }
  }

  close(): void {
    if (this.#file !== null) closeSync(this.#file);
    this.#file = null;
  }
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
