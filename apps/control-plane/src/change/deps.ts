import type { Command } from "@evenkeel/contracts/agent-protocol";
import type { ChangeId, CommandId, HostId, TenantId } from "@evenkeel/contracts/id";
import type { Clock } from "@evenkeel/kit/clock";
import type { ReplicaLease } from "@evenkeel/kit/lease";
import type { Listener } from "@evenkeel/kit/notify";
import type { Kysely, Transaction } from "kysely";
import type { Database } from "../database.ts";
import type { ExitPoint } from "./exit-point.ts";
import type { KindRegistry } from "./kind.ts";

type Tx = Transaction<Database>;

/** The way to the agents, as the kernel needs it. */
export interface CommandPort {
  enqueue(tx: Tx, rows: readonly { tenantId: TenantId; hostId: HostId; command: Command }[]): Promise<void>;
  revoke(tx: Tx, commandIds: readonly CommandId[]): Promise<unknown>;
  forget(tx: Tx, changeId: ChangeId): Promise<void>;
  online(db: Kysely<Database>, hostIds: readonly HostId[]): Promise<ReadonlySet<HostId>>;
}

export interface Log {
  info(facts: object, text: string): void;
  warn(facts: object, text: string): void;
  error(facts: object, text: string): void;
}

/** What the kernel stands on. */
export interface ChangeDeps {
  readonly db: Kysely<Database>;
  readonly listener: Listener;
  readonly lease: ReplicaLease;
  readonly clock: Clock;
  readonly commands: CommandPort;
  readonly registry: KindRegistry;
  readonly log: Log;
  /** Called at each named point; a test may end the process there. */
  readonly at: (point: ExitPoint) => void;
}
