/**
 * 1. The database is filled in one transaction that ends with the new epoch: killed before, it is as empty as it was.
 * 2. Objects are checked by their digest and stored before the rows that name them are committed.
 * 3. Nothing is restored over what is there.
 */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { chmod, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { Readable, type Writable } from "node:stream";
import { BACKUP_END, BACKUP_HEAD, BackupEnd, BackupHead } from "@evenkeel/contracts/backup";
import { PlatformError } from "@evenkeel/contracts/error";
import { Digest } from "@evenkeel/contracts/id";
import type { Kysely, Transaction } from "kysely";
import { extract, type Header } from "tar-stream";
import type { Database } from "../database.ts";
import type { ObjectStore } from "../object-store/index.ts";
import {
  addReferences,
  beginGeneration,
  dropReferences,
  emptyTable,
  insertLines,
  isFresh,
  readMigrations,
  setSequences,
} from "./store/index.ts";

export interface RestoreDeps {
  readonly db: Kysely<Database>;
  readonly objects: ObjectStore;
  /** Where tokens and keys go. */
  readonly keyFolder: string;
}

export interface Restored {
  readonly epoch: number;
  readonly takenAt: string;
  readonly rows: number;
  readonly objects: number;
}

type Entry = Readable & { readonly header: Header };

const SMALL_LIMIT = 64 * 1024 ** 2;

/** Fills an empty installation from a backup. */
export async function restore(deps: RestoreDeps, file: string): Promise<Restored> {
  if (!(await isFresh(deps.db))) throw new PlatformError("RESTORE_NOT_EMPTY", { where: "its database" });
  try {
    return await deps.db.transaction().execute(async (tx) => await load(deps, tx, file));
  } catch (error) {
    if (error instanceof PlatformError) throw error;
    throw new PlatformError("BACKUP_UNREADABLE", { file, problem: (error as Error).message }, { cause: error });
  }
}

function entriesOf(file: string): AsyncIterable<Entry> {
  // Its streams are of another make than Node's, and pass as such.
  const entries = extract() as unknown as Writable & AsyncIterable<Entry>;
  const source = createReadStream(file);
  source.on("error", (error) => entries.destroy(error));
  source.pipe(entries);
  return entries;
}

async function load(deps: RestoreDeps, tx: Transaction<Database>, file: string): Promise<Restored> {
  let loading: Loading | null = null;
  let end: BackupEnd | null = null;
  for await (const entry of entriesOf(file)) {
    const { name } = entry.header;
    if (loading === null) {
      if (name !== BACKUP_HEAD) throw new Error("it is no backup of Evenkeel");
      loading = await Loading.begin(deps, tx, BackupHead.parse(JSON.parse(String(await contentOf(entry)))));
    } else if (name === BACKUP_END) end = BackupEnd.parse(JSON.parse(String(await contentOf(entry))));
    else await loading.take(entry);
  }
  if (loading === null || end === null) throw new Error("it was cut: its last entry is missing");
  return await loading.end(end);
}

class Loading {
  readonly #deps: RestoreDeps;
  readonly #tx: Transaction<Database>;
  readonly #head: BackupHead;
  readonly #references: Awaited<ReturnType<typeof dropReferences>>;
  readonly #keys = new Map<string, Buffer>();
  #rows = 0;
  #objects = 0;

  private constructor(fields: {
    deps: RestoreDeps;
    tx: Transaction<Database>;
    head: BackupHead;
    references: Awaited<ReturnType<typeof dropReferences>>;
  }) {
    this.#deps = fields.deps;
    this.#tx = fields.tx;
    this.#head = fields.head;
    this.#references = fields.references;
  }

  static async begin(deps: RestoreDeps, tx: Transaction<Database>, head: BackupHead): Promise<Loading> {
    const known = new Set(await readMigrations(tx));
    if (!head.migrations.every((name) => known.has(name)))
      throw new PlatformError("BACKUP_NEWER", { version: head.version });
    const references = await dropReferences(tx);
    for (const { name } of head.tables) await emptyTable(tx, name);
    return new Loading({ deps, tx, head, references });
  }

  async take(entry: Entry): Promise<void> {
    const [sort, name = ""] = entry.header.name.split("/");
    if (sort === "key") this.#keys.set(basename(name), await contentOf(entry));
    else if (sort === "object") await this.#takeObject(entry, Digest.parse(name));
    else await this.#takeRows(entry, name);
  }

  async #takeRows(entry: Entry, name: string): Promise<void> {
    const table = this.#head.tables.find((one) => one.name === name);
    if (table === undefined) throw new Error(`it has rows of a table ${name} that its head does not name`);
    const lines = String(await contentOf(entry)).split("\n");
    await insertLines(this.#tx, table, lines);
    this.#rows += lines.length;
  }

  async #takeObject(entry: Entry, digest: Digest): Promise<void> {
    const { objects } = this.#deps;
    const draftId = `restore-${digest.slice("sha256:".length)}`;
    const hash = createHash("sha256");
    const limit = { limitBytes: entry.header.size, watch: (chunk: Uint8Array) => void hash.update(chunk) };
    const piece = await objects.receive(Readable.from(entry, { objectMode: false }), limit);
    try {
      if (`sha256:${hash.digest("hex")}` !== digest) throw new Error(`the object ${digest} is damaged`);
      await objects.append(draftId, 0, piece);
      await objects.keep(draftId, digest);
    } finally {
      await piece.drop();
      await objects.drop(draftId);
    }
    this.#objects += 1;
  }

  async end({ rows, objects }: BackupEnd): Promise<Restored> {
    if (rows !== this.#rows || objects !== this.#objects) throw new Error("it holds less than its last entry says");
    const { takenAt, sequences } = this.#head;
    await addReferences(this.#tx, this.#references);
    await setSequences(this.#tx, sequences);
    const epoch = await beginGeneration(this.#tx, takenAt);
    for (const [name, content] of this.#keys) {
      const file = join(this.#deps.keyFolder, name);
      await writeFile(file, content, { mode: 0o600 });
      await chmod(file, 0o600);
    }
    // killed here: nothing is committed, and the keys are written again
    return { epoch, takenAt, rows, objects };
  }
}

async function contentOf(entry: Entry): Promise<Buffer> {
  if (entry.header.size > SMALL_LIMIT) throw new Error(`its entry ${entry.header.name} is too large`);
  const chunks: Buffer[] = [];
  for await (const chunk of entry) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
