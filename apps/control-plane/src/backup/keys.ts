import { readFile } from "node:fs/promises";

/** Name in a backup of the token by which the installation is administered. */
const TOKEN = "token";

/** Tokens and keys that lie beside the database. */
export async function readKeys({
  bootstrapTokenFile,
}: {
  readonly bootstrapTokenFile: string | null;
}): Promise<ReadonlyMap<string, Buffer>> {
  return new Map(bootstrapTokenFile === null ? [] : [[TOKEN, await readFile(bootstrapTokenFile)]]);
}
