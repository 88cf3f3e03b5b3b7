import { setTimeout as sleep } from "node:timers/promises";
import type { Kysely } from "kysely";
import type { Database } from "../database.ts";
import type { ServerEvent } from "../http/index.ts";
import { readVersionSeconds, type SecondsQuery } from "./store/index.ts";

/** Samples are made by the second, so nothing is gained by a notification for each. */
const SECOND_MS = 1000;

/** The traffic of a service by version, second by second. */
export async function* watchSamples(
  db: Kysely<Database>,
  { signal, ...query }: SecondsQuery & { readonly signal: AbortSignal },
): AsyncGenerator<ServerEvent> {
  let { after } = query;
  while (!signal.aborted) {
    const samples = await readVersionSeconds(db, { ...query, after });
    const last = samples.at(-1);
    if (last !== undefined) {
      after = last.at;
      yield { id: after, data: samples };
    }
    await sleep(SECOND_MS, undefined, { signal }).catch(() => undefined);
  }
}
