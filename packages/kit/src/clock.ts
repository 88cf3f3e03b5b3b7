import { type Kysely, sql } from "kysely";

/** The two clocks that decisions may use: one that only goes forward, for spans on this machine, and the database's, for moments that others read. */
export interface Clock {
  monotonicMs(): number;
  databaseNow(): Promise<string>;
}

/** The real clocks; tests bring their own and move them. */
export function systemClock<DB>(db: Kysely<DB>): Clock {
  return {
    monotonicMs: () => performance.now(),
    databaseNow: async () => {
      const { rows } = await sql<{ now: string }>`select clock_timestamp() as now`.execute(db);
      return rows[0]!.now;
    },
  };
}
