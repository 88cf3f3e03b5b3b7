import { canonicalJson } from "@evenkeel/contracts/canonical";
import type { CommandTemplate, CreateCommandTemplate } from "@evenkeel/contracts/command-template";
import type { PageQuery } from "@evenkeel/contracts/endpoint";
import { CommandTemplateId, type Name, newId, type TenantId } from "@evenkeel/contracts/id";
import { json } from "@evenkeel/kit/sql";
import { type Kysely, type Selectable, sql, type Transaction } from "kysely";
import type { Database } from "../database.ts";
import { pageStart, toPage } from "../http/index.ts";

type Row = Selectable<Database["command_template"]>;

const show = ({ id, version, definition, created_by, created_at }: Row): CommandTemplate => ({
  ...definition,
  ...{ id, version, createdBy: created_by, createdAt: created_at },
});

interface ListRequest {
  readonly tenantId: TenantId;
  readonly name: Name | undefined;
  readonly page: PageQuery;
}

/** The newest version of each name, or every version of one. */
export async function listTemplates(db: Kysely<Database>, { tenantId, name, page }: ListRequest) {
  const { after, rows } = pageStart(page);
  const newest = sql<boolean>`not exists (select from command_template later where later.tenant_id = one.tenant_id
    and later.name = one.name and later.version > one.version)`;
  let query = db.selectFrom("command_template as one").selectAll().where("tenant_id", "=", tenantId);
  query = name === undefined ? query.where(newest) : query.where("name", "=", name);
  if (after !== null) query = query.where("id", ">", after as CommandTemplateId);
  const found = await query.orderBy("id").limit(rows).execute();
  return toPage(found, page, { show, keyOf: ({ id }) => id });
}

/** The version that a reference means, the newest where it names none; null = there is none. */
export async function findTemplate(
  db: Kysely<Database>,
  { tenantId, reference }: { readonly tenantId: TenantId; readonly reference: string },
): Promise<CommandTemplate | null> {
  const [name = "", version] = reference.split("@");
  const row = await db
    .selectFrom("command_template")
    .selectAll()
    .where("tenant_id", "=", tenantId)
    .where("name", "=", name as Name)
    .$if(version !== undefined, (query) => query.where("version", "=", Number(version)))
    .orderBy("version", "desc")
    .limit(1)
    .executeTakeFirst();
  return row === undefined ? null : show(row);
}

interface Creation {
  readonly tenantId: TenantId;
  readonly definition: CreateCommandTemplate;
  readonly createdBy: string;
}

/** The next version, unless the newest is the same already. */
export async function createTemplate(
  tx: Transaction<Database>,
  { tenantId, definition, createdBy }: Creation,
): Promise<CommandTemplate> {
  // Two versions made at once come one after the other.
  await sql`select pg_advisory_xact_lock(hashtextextended(${`command-template ${tenantId} ${definition.name}`}, 0))`.execute(
    tx,
  );
  const newest = await findTemplate(tx, { tenantId, reference: definition.name });
  if (newest !== null && canonicalJson(definitionOf(newest)) === canonicalJson(definition)) return newest;
  const row = await tx
    .insertInto("command_template")
    .values({
      id: newId(CommandTemplateId, "tpl"),
      tenant_id: tenantId,
      name: definition.name,
      version: (newest?.version ?? 0) + 1,
      definition: json(definition),
      created_by: createdBy,
    })
    .returningAll()
    .executeTakeFirstOrThrow();
  return show(row);
}

const definitionOf = ({ name, description, arguments: args, actions }: CommandTemplate): CreateCommandTemplate => ({
  ...{ name, description, arguments: args, actions },
});
