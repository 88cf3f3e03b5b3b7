import type { ErrorCode, Facts } from "@evenkeel/contracts/error";
import type { InstanceStatistics } from "@evenkeel/contracts/gateway-protocol";
import type { InstanceKey, RouteTable } from "@evenkeel/contracts/route-table";

/** A socket that was handed down, or an address to bind. */
export type Listen = { readonly fd: number } | { readonly host: string; readonly port: number };

/** Where a driver serves. */
export interface Serving {
  readonly address: string;
  readonly port: number;
  /** Descriptor of the listening socket, for whoever takes it over; null where another process alone has it. */
  readonly fd: number | null;
}

/** Where it is to serve: in the clear, and by TLS where that is wanted. */
export interface Doors {
  readonly plain: Listen;
  readonly tls: Listen | null;
}

/** Where it serves. */
export interface Opened {
  readonly plain: Serving;
  readonly tls: Serving | null;
}

/** What a draining instance still has in hand. */
export interface DrainingRow {
  readonly instance: InstanceKey;
  readonly inFlight: number;
  readonly longLived: number;
}

/** Whether a connection to an instance was made; `problem` is empty when it was. */
export interface Reached {
  readonly instance: InstanceKey;
  readonly problem: string;
}

/** A request that an instance failed, for the log. */
export interface Trouble {
  readonly code: ErrorCode | "CUT";
  readonly facts: Facts;
  readonly requestId: string;
}

/** What a driver tells on its own. */
export interface DriverEvents {
  readonly onTrouble: (trouble: Trouble) => void;
  /** The last request of a draining instance has ended. */
  readonly onDrained: () => void;
  /** A connection to an instance that a table brought in was tried. */
  readonly onReached: (reached: Reached) => void;
}

/** What every driver is told. */
export interface DriverOptions extends DriverEvents {
  /** Whether `x-forwarded-…` of the client may be believed: only behind a proxy that sets them. */
  readonly trustForwarded: boolean;
  /** `address` or `address/bits` of those whose connections begin with a header of the PROXY protocol. */
  readonly proxies: readonly string[];
  /** How long an instance may take to begin its answer. */
  readonly responseTimeoutMs: number;
  /** Where this gateway stands; null = nowhere in particular. */
  readonly zone: string | null;
}

/** The data plane behind the gateway's link: a table in, statistics out. */
export interface Driver {
  readonly name: "node" | "haproxy";
  /** What its statistics only sample; all else in them is counted. */
  readonly sampled: readonly "latency"[];
  /** Begins to serve by the tables applied so far. */
  open(doors: Doors): Promise<Opened>;
  /** Once it has resolved, every new request goes by this table. */
  apply(table: RouteTable): Promise<void> | void;
  /** Ends what is in flight on this draining instance. */
  cut(instance: InstanceKey): void;
  draining(): DrainingRow[];
  /** Instances of the table in force of which it is known whether they can be reached. */
  reached(): Reached[];
  /** What happened since the last call. */
  takeStatistics(): Promise<InstanceStatistics[]> | InstanceStatistics[];
  /** Takes no new connections; finishes what is in hand, and cuts it at the end of its time. */
  close(hurry: AbortSignal): Promise<void>;
}
