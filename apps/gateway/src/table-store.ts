// Invariants:
// 1. A table is durable before it is in force, and in force before it is acknowledged.
// 2. A table that cannot be in force is refused before it is durable, and the one before stays: a start goes by what is durable.
// 3. A table older than the one in force is refused; the same one again is acknowledged again.
import { join } from "node:path";
import { PlatformError } from "@evenkeel/contracts/error";
import { RouteTable } from "@evenkeel/contracts/route-table";
import { readJson, writeDurableJson } from "@evenkeel/kit/durable-file";
import { checkCertificates } from "./certificates.ts";
import { compareTables } from "./route-table.ts";

export type TableVersion = Pick<RouteTable, "epoch" | "version">;

/** Resolves when every new request goes by the table. */
type Apply = (table: RouteTable) => Promise<void> | void;

const NO_TABLE: TableVersion = { epoch: 0, version: 0 };

/** The route table of this gateway, on disk and in force. */
export class TableStore {
  readonly #path: string;
  readonly #apply: Apply;
  #current = NO_TABLE;
  #last: Promise<unknown> = Promise.resolve();

  constructor(home: string, apply: Apply) {
    this.#path = join(home, "table.json");
    this.#apply = apply;
  }

  get current(): TableVersion {
    return this.#current;
  }

  /** Puts the last table in force, if there is one. */
  async restore(): Promise<void> {
    const table = await readJson(this.#path, RouteTable);
    if (table !== null) await this.#putInForce(table);
  }

  /** Resolves when the table is durable and in force; TABLE_STALE when there is a newer one. One after another, in the order of the calls. */
  accept(table: RouteTable): Promise<void> {
    const accepted = this.#last.then(() => this.#accept(table));
    this.#last = accepted.catch(() => undefined);
    return accepted;
  }

  async #accept(table: RouteTable): Promise<void> {
    const order = compareTables(table, this.#current);
    if (order === 0) return;
    if (order < 0) {
      const { epoch, version } = this.#current;
      const facts = { epoch: table.epoch, version: table.version, highest: `${epoch}.${version}` };
      throw new PlatformError("TABLE_STALE", facts);
    }
    checkCertificates(table.certificates);
    await writeDurableJson(this.#path, table, 0o600);
    // killed here: it starts with this table and acknowledges it when it is sent again
    await this.#putInForce(table);
  }

  async #putInForce(table: RouteTable): Promise<void> {
    await this.#apply(table);
    this.#current = { epoch: table.epoch, version: table.version };
  }
}
