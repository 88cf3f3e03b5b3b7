import type { PageQuery } from "@evenkeel/contracts/endpoint";
import { PlatformError } from "@evenkeel/contracts/error";
import type { TenantId } from "@evenkeel/contracts/id";
import { json } from "@evenkeel/kit/sql";
import { isUniqueViolation } from "@evenkeel/kit/sql-error";
import { type Kysely, type Selectable, sql } from "kysely";
import type { Database } from "../database.ts";
import { pageStart, toPage } from "../http/index.ts";

/** The tables of resources that are listed, read, made and edited in the same way. */
export type ResourceName = "workspace" | "cell" | "application" | "package" | "buildpack" | "module_bundle";

type RowOf<Name extends ResourceName> = Selectable<Database[Name]>;
type Columns<Name extends ResourceName> = Partial<RowOf<Name>>;

/** What differs from one resource to the next. */
export interface ResourceShape<Name extends ResourceName, View> {
  readonly table: Name;
  show(row: RowOf<Name>): View;
}

export interface ListRequest<Name extends ResourceName> {
  readonly tenantId: TenantId;
  readonly page: PageQuery;
  /** Columns that must be equal; undefined = any. */
  readonly where?: Columns<Name>;
  /** Text columns of jsonb arrays that must have the value. */
  readonly containing?: { readonly column: keyof RowOf<Name> & string; readonly value: string };
}

export interface Resource<Name extends ResourceName, View> {
  list(db: Kysely<Database>, request: ListRequest<Name>): Promise<{ items: View[]; nextCursor: string | null }>;
  /** The one row of the tenant with these columns. */
  find(db: Kysely<Database>, tenantId: TenantId, columns: Columns<Name>): Promise<RowOf<Name> | null>;
  /** As `find`, or NOT_FOUND; `label` tells which one was asked for. */
  get(
    db: Kysely<Database>,
    tenantId: TenantId,
    by: { readonly columns: Columns<Name>; readonly label: string },
  ): Promise<View>;
  /** Inserts the row, or ALREADY_EXISTS. */
  create(tx: Kysely<Database>, row: Columns<Name>, label: string): Promise<View>;
  /** Sets the given columns and raises the version. */
  update(
    tx: Kysely<Database>,
    tenantId: TenantId,
    change: { readonly id: string; readonly set: Columns<Name>; readonly label: string },
  ): Promise<View>;
}

/** What all these tables have; the compiler cannot carry a table's name that is not known yet through a query, so here they share this shape. */
interface AnyRow {
  id: string;
  tenant_id: string;
  version: number;
}
type AnyDatabase = Record<ResourceName, AnyRow>;

/** Makes list, find, get, create and update of one table. Every one of them asks for the tenant. */
export function resource<Name extends ResourceName, View>({
  table,
  show,
}: ResourceShape<Name, View>): Resource<Name, View> {
  const name: ResourceName = table;
  const noun = name === "module_bundle" ? "module" : name;
  const open = (db: Kysely<Database>) => db as unknown as Kysely<AnyDatabase>;
  const rowOf = (row: AnyRow): RowOf<Name> => row as unknown as RowOf<Name>;
  const missing = (label: string) => new PlatformError("NOT_FOUND", { resource: `${noun} ${label}` });

  const find = async (
    db: Kysely<Database>,
    tenantId: TenantId,
    columns: Columns<Name>,
  ): Promise<RowOf<Name> | null> => {
    let query = open(db).selectFrom(name).selectAll().where("tenant_id", "=", tenantId);
    for (const [column, value] of given(columns)) query = query.where(sql<boolean>`${sql.ref(column)} = ${value}`);
    const row = await query.orderBy("id", "desc").limit(1).executeTakeFirst();
    return row === undefined ? null : rowOf(row);
  };

  return {
    find,
    list: async (db, { tenantId, page, where, containing }) => {
      const { after, rows } = pageStart(page);
      let query = open(db).selectFrom(name).selectAll().where("tenant_id", "=", tenantId);
      for (const [column, value] of given(where ?? {}))
        query = query.where(sql<boolean>`${sql.ref(column)} = ${value}`);
      if (containing !== undefined)
        query = query.where(sql<boolean>`${sql.ref(containing.column)} ? ${containing.value}`);
      if (after !== null) query = query.where("id", ">", after);
      const found = await query.orderBy("id").limit(rows).execute();
      return toPage(found, page, { show: (row) => show(rowOf(row)), keyOf: ({ id }) => id });
    },
    get: async (db, tenantId, { columns, label }) => {
      const row = await find(db, tenantId, columns);
      if (row === null) throw missing(label);
      return show(row);
    },
    create: async (tx, row, label) => {
      const made = open(tx).insertInto(name).values(stored(row)).returningAll().executeTakeFirstOrThrow();
      return show(rowOf(await made.catch((error: unknown) => refuseTwice(error, `${noun} ${label}`))));
    },
    update: async (tx, tenantId, { id, set, label }) => {
      const row = await open(tx)
        .updateTable(name)
        .set({ ...stored(set), version: sql<number>`version + 1` })
        .where("tenant_id", "=", tenantId)
        .where("id", "=", id)
        .returningAll()
        .executeTakeFirst();
      if (row === undefined) throw missing(label);
      return show(rowOf(row));
    },
  };
}

function given(columns: object): [string, unknown][] {
  return Object.entries(columns).filter(([, value]) => value !== undefined);
}

/** Lists and objects live in jsonb columns. */
function stored(columns: object): AnyRow {
  const entries = given(columns).map(([name, value]) => [
    name,
    typeof value === "object" && value !== null ? json(value) : value,
  ]);
  return Object.fromEntries(entries) as AnyRow;
}

function refuseTwice(error: unknown, resource: string): never {
  if (isUniqueViolation(error)) throw new PlatformError("ALREADY_EXISTS", { resource }, { cause: error });
  throw error;
}
