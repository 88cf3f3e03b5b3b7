import type { Command } from "@evenkeel/contracts/agent-protocol";
import type { HostId } from "@evenkeel/contracts/id";
import { gather } from "@evenkeel/kit/gather";
import type { Kysely } from "kysely";
import type { Database } from "../database.ts";
import {
  type Arrival,
  type Connection,
  deleteForgotten,
  type End,
  type Errands,
  type Forgotten,
  findNews,
  type InstancesTold,
  type KnownHost,
  type OutboxRow,
  readErrands,
  readHosts,
  readSent,
  recordEnds,
  takeQueued,
  takeSessions,
} from "./store/index.ts";

/** What the links of this replica ask the database, each for its own host: thousands that ask at the same time are a few statements. */
export interface Desk {
  host(hostId: HostId): Promise<KnownHost | null>;
  take(arrival: Arrival): Promise<Connection | null>;
  sent(hostId: HostId): Promise<OutboxRow[]>;
  queued(connection: Connection): Promise<Command[]>;
  errands(hostId: HostId): Promise<Errands>;
  recordEnd(end: End): Promise<boolean>;
  forgotten(forgotten: Forgotten): Promise<void>;
  /** Says whether a host that comes back tells something that is not stored; most do not. */
  isNews(told: InstancesTold): Promise<boolean>;
}

const AT_MOST = 500;

export function openDesk(db: Kysely<Database>): Desk {
  const each = <Item, Answer>(ask: (db: Kysely<Database>, items: readonly Item[]) => Promise<readonly Answer[]>) =>
    gather((items: readonly Item[]) => ask(db, items), { atMost: AT_MOST });
  return {
    host: each(readHosts),
    take: each(takeSessions),
    sent: each(readSent),
    queued: each(takeQueued),
    errands: each(readErrands),
    recordEnd: each(recordEnds),
    forgotten: each(async (_, items: readonly Forgotten[]) => {
      await deleteForgotten(db, items);
      return items.map(() => undefined);
    }),
    isNews: each(findNews),
  };
}
