/**
 * 1. All rows are of one snapshot; objects never change, and one that a row names is there.
 * 2. The last entry says how much there was: an archive without it was cut.
 */
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { BACKUP_END, BACKUP_HEAD, type BackupHead } from "@evenkeel/contracts/backup";
import { PlatformError } from "@evenkeel/contracts/error";
import type { Log } from "@evenkeel/kit/log";
import type { Kysely, Transaction } from "kysely";
import { pack as newPack, type Pack } from "tar-stream";
import type { Database } from "../database.ts";
import type { ObjectStore } from "../object-store/index.ts";
import { onSnapshot, readHead, readLines } from "./store/index.ts";

export interface TakeDeps {
  readonly db: Kysely<Database>;
  readonly objects: ObjectStore;
  readonly version: string;
  readonly log: Log;
  /** Names and contents of what is beside database and objects: tokens and keys. */
  readonly keys: () => Promise<ReadonlyMap<string, Buffer>>;
}

/** A backup of the installation as a tar archive; nothing waits for it and it waits for nothing. */
export function takeBackup(deps: TakeDeps): Readable {
  const pack = newPack();
  onSnapshot(deps.db, async (tx) => await write(pack, tx, deps)).then(
    () => pack.finalize(),
    (error: Error) => {
      deps.log.error({ err: error }, "a backup broke off");
      pack.destroy(error);
    },
  );
  return Readable.from(pack as AsyncIterable<Uint8Array>, { objectMode: false });
}

async function write(pack: Pack, tx: Transaction<Database>, deps: TakeDeps): Promise<void> {
  const head: BackupHead = { format: 1, version: deps.version, ...(await readHead(tx)) };
  await addEntry(pack, BACKUP_HEAD, JSON.stringify(head));
  for (const [name, content] of await deps.keys()) await addEntry(pack, `key/${name}`, content);
  let rows = 0;
  for (const { name } of head.tables) {
    let piece = 0;
    for await (const lines of readLines(tx, name)) {
      rows += lines.length;
      piece += 1;
      await addEntry(pack, `table/${name}/${piece}`, lines.join("\n"));
    }
  }
  for (const object of head.objects) await addObject(pack, deps.objects, object);
  await addEntry(pack, BACKUP_END, JSON.stringify({ rows, objects: head.objects.length }));
}

/** Waits until the reader has taken it: memory stays small however slow he is. */
function addEntry(pack: Pack, name: string, content: string | Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    pack.entry({ name, mode: 0o600 }, content, (error) => (error ? reject(error) : resolve()));
  });
}

async function addObject(
  pack: Pack,
  objects: ObjectStore,
  { digest, sizeBytes }: BackupHead["objects"][number],
): Promise<void> {
  if ((await objects.size(digest)) !== sizeBytes) throw new PlatformError("OBJECT_MISSING", { digest });
  await new Promise<void>((resolve, reject) => {
    const entry = pack.entry({ name: `object/${digest}`, mode: 0o600, size: sizeBytes }, (error) =>
      error ? reject(error) : resolve(),
    );
    // Its streams are of another make than Node's, and pass as such.
    pipeline(objects.read(digest), entry as unknown as NodeJS.WritableStream).catch(reject);
  });
}
