import { PlatformError, type Problem, problemOf } from "@evenkeel/contracts/error";
import { sql, type Transaction } from "kysely";
import type { Database } from "../../database.ts";

/** Runs a step's own writes behind a savepoint: a refusal undoes them and is the step's problem; anything else is ours and undoes all. */
export async function guarded<T>(
  tx: Transaction<Database>,
  run: () => Promise<T>,
): Promise<{ readonly value: T } | { readonly problem: Problem }> {
  await sql`savepoint control_step`.execute(tx);
  try {
    const value = await run();
    await sql`release savepoint control_step`.execute(tx);
    return { value };
  } catch (error) {
    if (!(error instanceof PlatformError) || error.code === "UNAVAILABLE") throw error;
    await sql`rollback to savepoint control_step`.execute(tx);
    return { problem: problemOf(error.code, error.facts) };
  }
}
