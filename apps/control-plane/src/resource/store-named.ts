import type { PageQuery } from "@evenkeel/contracts/endpoint";
import { PlatformError } from "@evenkeel/contracts/error";
import { type Name, newId, type TenantId } from "@evenkeel/contracts/id";
import { json } from "@evenkeel/kit/sql";
import { type Kysely, sql } from "kysely";
import type { Database } from "../database.ts";
import { pageStart, toPage } from "../http/index.ts";

/** Tables of rules: a name of the tenant and a definition as a whole. */
type NamedTable = "window" | "approval_rule" | "admission_rule" | "scaling_rule";

interface NamedRow<Definition> {
  id: string;
  tenant_id: TenantId;
  name: Name;
  definition: Definition;
  version: number;
  created_at: string;
}

type Named<Definition> = Definition & {
  readonly name: Name;
  readonly version: number;
  readonly createdAt: string;
};

/** A start reads all of them; nobody needs more. */
const LIMIT = 500;

interface NamedResource<Definition> {
  /** All of a tenant by name, 500 at most. */
  all(db: Kysely<Database>, tenantId: TenantId): Promise<Named<Definition>[]>;
  list(
    db: Kysely<Database>,
    tenantId: TenantId,
    page: PageQuery,
  ): Promise<{ items: Named<Definition>[]; nextCursor: string | null }>;
  get(db: Kysely<Database>, tenantId: TenantId, name: Name): Promise<Named<Definition>>;
  /** Makes it, or replaces its definition. */
  set(
    tx: Kysely<Database>,
    tenantId: TenantId,
    given: { readonly name: Name; readonly definition: Definition },
  ): Promise<Named<Definition>>;
  remove(tx: Kysely<Database>, tenantId: TenantId, name: Name): Promise<void>;
}

interface NamedShape {
  readonly table: NamedTable;
  /** As people call one of them. */
  readonly noun: string;
  readonly id: { readonly schema: { parse(text: string): string }; readonly prefix: string };
}

type OneTable = { named: Omit<NamedRow<unknown>, "version" | "created_at"> & { version: number; created_at: string } };

/** Makes all, list, get, set and remove of one such table. Every one of them asks for the tenant. */
export function namedResource<Definition>({ table, noun, id }: NamedShape): NamedResource<Definition> {
  // The compiler cannot carry a table's name that is not known yet through a query; here all have one shape.
  const open = (db: Kysely<Database>) => db as unknown as Kysely<OneTable>;
  const name = table as unknown as "named";
  const show = (row: OneTable["named"]): Named<Definition> => ({
    ...(row.definition as Definition),
    name: row.name,
    version: row.version,
    createdAt: row.created_at,
  });
  const ofTenant = (db: Kysely<Database>, tenantId: TenantId) =>
    open(db).selectFrom(name).selectAll().where("tenant_id", "=", tenantId).orderBy("name");
  const missing = (wanted: Name) => new PlatformError("NOT_FOUND", { resource: `${noun} ${wanted}` });
  return {
    all: async (db, tenantId) => (await ofTenant(db, tenantId).limit(LIMIT).execute()).map(show),
    list: async (db, tenantId, page) => {
      const { after, rows } = pageStart(page);
      const query = ofTenant(db, tenantId).limit(rows);
      const found = await (after === null ? query : query.where("name", ">", after as Name)).execute();
      return toPage(found, page, { show, keyOf: (row) => row.name });
    },
    get: async (db, tenantId, wanted) => {
      const row = await ofTenant(db, tenantId).where("name", "=", wanted).executeTakeFirst();
      if (row === undefined) throw missing(wanted);
      return show(row);
    },
    set: async (tx, tenantId, given) => {
      await refuseTooMany(open(tx), { tenantId, name, noun, wanted: given.name });
      const row = await open(tx)
        .insertInto(name)
        .values({
          id: newId(id.schema, id.prefix),
          tenant_id: tenantId,
          name: given.name,
          definition: json(given.definition),
        } as never)
        .onConflict((conflict) =>
          conflict.columns(["tenant_id", "name"]).doUpdateSet({
            definition: json(given.definition),
            version: sql<number>`${sql.ref(`${table}.version`)} + 1`,
          }),
        )
        .returningAll()
        .executeTakeFirstOrThrow();
      return show(row);
    },
    remove: async (tx, tenantId, wanted) => {
      const removed = await open(tx)
        .deleteFrom(name)
        .where("tenant_id", "=", tenantId)
        .where("name", "=", wanted)
        .returning("id")
        .executeTakeFirst();
      if (removed === undefined) throw missing(wanted);
    },
  };
}

interface Room {
  readonly tenantId: TenantId;
  readonly name: "named";
  readonly noun: string;
  readonly wanted: Name;
}

async function refuseTooMany(tx: Kysely<OneTable>, { tenantId, name, noun, wanted }: Room): Promise<void> {
  const others = await tx
    .selectFrom(name)
    .select((eb) => eb.fn.countAll<number>().as("count"))
    .where("tenant_id", "=", tenantId)
    .where("name", "!=", wanted)
    .executeTakeFirstOrThrow();
  if (Number(others.count) >= LIMIT) throw new PlatformError("LIMIT_REACHED", { limit: LIMIT, resource: noun });
}
