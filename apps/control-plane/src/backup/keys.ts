import { readFile } from "node:fs/promises";

/** Name in a backup of the token by which the installation is administered. */
const TOKEN = "token";

/** Name of the key by which what is secret in the database is sealed; `up` looks for it beside the token. */
const SECRET_KEY = "secret-key";

interface KeyFiles {
  readonly bootstrapTokenFile: string | null;
  readonly secretKeyFile: string | null;
}

/** Tokens and keys that lie beside the database. */
export async function readKeys({ bootstrapTokenFile, secretKeyFile }: KeyFiles): Promise<ReadonlyMap<string, Buffer>> {
  const keys = new Map<string, Buffer>();
  if (bootstrapTokenFile !== null) keys.set(TOKEN, await readFile(bootstrapTokenFile));
  if (secretKeyFile !== null) keys.set(SECRET_KEY, await readFile(secretKeyFile));
  return keys;
}
