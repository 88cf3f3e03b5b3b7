import type { Command } from "@evenkeel/contracts/agent-protocol";
import type { Plan } from "@evenkeel/contracts/change-plan";
import type { ChangeState, TargetState } from "@evenkeel/contracts/change-state";
import type { ChangeId, CommandId, HostId, ServiceId, TenantId, WorkspaceId } from "@evenkeel/contracts/id";
import type { Clock } from "@evenkeel/kit/clock";
import type { ReplicaLease } from "@evenkeel/kit/lease";
import type { Listener } from "@evenkeel/kit/notify";
import type { Kysely, Transaction } from "kysely";
import type { Database } from "../database.ts";
import type { ExitPoint } from "./exit-point.ts";
import type { GovernancePort } from "./governance.ts";
import type { Measured } from "./guard/index.ts";
import type { KindRegistry } from "./kind.ts";

type Tx = Transaction<Database>;

export interface OutgoingCommand {
  readonly tenantId: TenantId;
  readonly hostId: HostId;
  readonly command: Command;
}

/** Commands that were put into the outbox by a transaction, as far as this process holds the links of their hosts. */
export interface Delivery {
  /** The transaction is committed: they leave at once. */
  send(): void;
  /** Nobody knows whether it is committed. */
  doubt(): void;
}

/** The way to the agents, as the kernel needs it. */
export interface CommandPort {
  enqueue(tx: Tx, rows: readonly OutgoingCommand[]): Promise<Delivery>;
  revoke(tx: Tx, commandIds: readonly CommandId[]): Promise<unknown>;
  forget(tx: Tx, changeId: ChangeId): Promise<void>;
  online(db: Kysely<Database>, hostIds: readonly HostId[]): Promise<ReadonlySet<HostId>>;
}

/** Whose measurements a guard asks for. */
export interface MeasureScope {
  readonly of: "traffic" | "instances";
  readonly tenantId: TenantId;
  readonly batchStartedAt: string | null;
  readonly changeStartedAt: string | null;
  readonly warmUpSeconds: number;
  readonly targets: readonly {
    readonly name: string;
    readonly hostId: HostId;
    readonly serviceId: ServiceId;
    /** The version that stood there before; null = none, or of another sort. */
    readonly from: string | null;
    /** Null: it was not changed, or is just being changed. */
    readonly changedAt: string | null;
    readonly untouched: boolean;
  }[];
}

/** What was counted and told, as the kernel's guards need it. */
export interface MeasurePort {
  measure(tx: Tx, scope: MeasureScope): Promise<Measured>;
}

export interface Log {
  info(facts: object, text: string): void;
  warn(facts: object, text: string): void;
  error(facts: object, text: string): void;
}

/** A change that has come to its end, with where each of its targets stands. */
export interface EndedChange {
  readonly changeId: ChangeId;
  readonly tenantId: TenantId;
  readonly workspaceId: WorkspaceId;
  readonly state: ChangeState;
  readonly plan: Plan;
  readonly targets: ReadonlyMap<string, TargetState>;
}

/** Told in the transaction that ends a change, whatever its kind. */
export type EndListener = (tx: Tx, ended: EndedChange) => Promise<void>;

/** What the kernel stands on. */
export interface ChangeDeps {
  readonly db: Kysely<Database>;
  readonly listener: Listener;
  readonly lease: ReplicaLease;
  readonly clock: Clock;
  readonly commands: CommandPort;
  readonly measurements: MeasurePort;
  /** Hosts that guards may ask; null or nothing = any. */
  readonly checkHosts?: readonly string[] | null;
  readonly registry: KindRegistry;
  readonly onEnded: readonly EndListener[];
  readonly governance: GovernancePort;
  readonly log: Log;
  /** Called at each named point; a test may end the process there. */
  readonly at: (point: ExitPoint) => void;
}
