import { copyFileSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { Outcome } from "@evenkeel/contracts/agent-protocol";
import type { CommandId } from "@evenkeel/contracts/id";
import { readEnvironment } from "@evenkeel/kit/process-identity";
import { Client } from "pg";
import type { Platform } from "./platform.ts";

/** Asks the platform's own database, for what the API keeps to itself. */
export async function queryDatabase<Row extends object>(
  platform: Platform,
  sql: string,
  values: readonly unknown[] = [],
): Promise<Row[]> {
  const controlPlane = (await platform.parts())["control-plane-1"];
  const address = readEnvironment(controlPlane?.pid ?? 0)?.DATABASE_URL;
  if (address === undefined)
    throw new Error("the database's address is known by the first control plane, and that is away");
  const client = new Client(address);
  await client.connect();
  try {
    return (await client.query<Row>(sql, [...values])).rows;
  } finally {
    await client.end();
  }
}

/** How a command ended by the agent's own journal, of which a copy is read: the agent holds it for itself. */
export function journaledOutcome(platform: Platform, host: string, commandId: CommandId): Outcome | null {
  const folder = mkdtempSync(join(tmpdir(), "journal-"));
  for (const name of ["journal.db", "journal.db-wal"]) {
    const file = join(platform.home, "agents", host, name);
    if (existsSync(file)) copyFileSync(file, join(folder, name));
  }
  const database = new DatabaseSync(join(folder, "journal.db"));
  try {
    const row = database.prepare("SELECT outcome FROM command WHERE command_id = ?").get(commandId);
    return row?.outcome == null ? null : Outcome.parse(JSON.parse(String(row.outcome)));
  } finally {
    database.close();
    rmSync(folder, { recursive: true });
  }
}
