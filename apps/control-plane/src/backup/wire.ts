import { dirname } from "node:path";
import { PlatformError } from "@evenkeel/contracts/error";
import { openDatabase } from "@evenkeel/kit/sql";
import { migrate } from "../../migrations/index.ts";
import type { Config } from "../config.ts";
import type { Database } from "../database.ts";
import { openObjectFolder } from "../object-store/index.ts";
import { type Restored, restore } from "./restore.ts";

/** Fills the installation of this configuration from a backup, instead of serving it. */
export async function restoreInto(config: Config, file: string): Promise<Restored> {
  const { bootstrapTokenFile, databaseUrl, objectFolder } = config;
  if (bootstrapTokenFile === null) {
    const problem = "a restore needs to know where tokens and keys go";
    throw new PlatformError("SETTING_INVALID", { setting: "EVENKEEL_BOOTSTRAP_TOKEN_FILE", problem });
  }
  const db = openDatabase<Database>({ connectionString: databaseUrl, max: 2 });
  try {
    await migrate(db);
    return await restore(
      { db, objects: await openObjectFolder(objectFolder), keyFolder: dirname(bootstrapTokenFile) },
      file,
    );
  } finally {
    await db.destroy();
  }
}
