import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { newId, WorkspaceId } from "@evenkeel/contracts/id";
import { RouteTable, type TableCertificate } from "@evenkeel/contracts/route-table";
import { makeCertificate } from "@evenkeel/testkit/certificate";
import { afterEach, beforeEach, expect, test } from "vitest";
import { TableStore } from "./table-store.ts";

let home: string;
let applied: number[];
let tables: TableStore;
const workspaceId = newId(WorkspaceId, "wsp");
const made = makeCertificate({ hosts: ["shop.example.org"] });
const other = makeCertificate({ hosts: ["other.example.org"] });
const shop = {
  name: "shop",
  hosts: ["shop.example.org"],
  endsAt: "2099-12-31T00:00:00.000Z",
  fallback: false,
  ...made,
};

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "tables-"));
  applied = [];
  tables = new TableStore(home, ({ version }) => void applied.push(version));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const tableOf = (version: number, ...certificates: TableCertificate[]): RouteTable =>
  RouteTable.parse({ workspaceId, epoch: 1, version, routes: [], services: [], certificates });

test("a table with keys is readable by its owner alone", async () => {
  await tables.accept(tableOf(1, shop));
  expect(statSync(join(home, "table.json")).mode & 0o777).toBe(0o600);
});

test.each<[string, Partial<TableCertificate>, string]>([
  ["another's key", { key: other.key }, "CERTIFICATE_KEY_FOREIGN"],
  ["no key", { key: "" }, "CERTIFICATE_KEY_MISSING"],
  ["a chain that cannot be read", { chain: "hello" }, "CERTIFICATE_INVALID"],
])("a certificate with %s is refused before it is durable, and the table in force stays", async (_, wrong, code) => {
  await tables.accept(tableOf(1, shop));
  await expect(tables.accept(tableOf(2, { ...shop, ...wrong }))).rejects.toMatchObject({ code });
  expect(applied).toEqual([1]);
  expect(JSON.parse(readFileSync(join(home, "table.json"), "utf8"))).toMatchObject({ version: 1 });
  await tables.accept(tableOf(3, shop));
  expect(tables.current).toEqual({ epoch: 1, version: 3 });
});

test("one that has ended meanwhile keeps no table from being in force", async () => {
  const ended = { ...shop, ...makeCertificate({ hosts: ["shop.example.org"], ended: true }) };
  await tables.accept(tableOf(1, ended));
  expect(applied).toEqual([1]);
});
