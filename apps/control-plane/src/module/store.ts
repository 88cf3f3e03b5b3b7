import { PlatformError } from "@evenkeel/contracts/error";
import { type Digest, ModuleBundleId, type Name, newId, type TenantId } from "@evenkeel/contracts/id";
import type { ModuleBundle } from "@evenkeel/contracts/module-bundle";
import { type Kysely, type Selectable, sql } from "kysely";
import type { Database } from "../database.ts";
import { resource } from "../resource/index.ts";

type BundleRow = Selectable<Database["module_bundle"]>;

function showBundle({
  tenant_id: _,
  size_bytes,
  cache_node,
  uploaded_by,
  uploaded_at,
  ...row
}: BundleRow): ModuleBundle {
  return {
    ...row,
    sizeBytes: Number(size_bytes),
    cacheNode: cache_node,
    uploadedBy: uploaded_by,
    uploadedAt: uploaded_at,
  };
}

export const bundles = resource<"module_bundle", ModuleBundle>({ table: "module_bundle", show: showBundle });

type NewBundle = Omit<ModuleBundle, "id" | "uploadedAt"> & { readonly tenantId: TenantId };

/** Registers a bundle; one of the same content stays, and another content is refused. */
export async function putBundle(db: Kysely<Database>, given: NewBundle): Promise<ModuleBundle> {
  const { tenantId, name, version, digest } = given;
  const known = await bundles.find(db, tenantId, { name, version });
  if (known?.digest === digest) return showBundle(known);
  if (known !== null)
    throw new PlatformError("MODULE_UPLOADED", { module: `${name}@${version}`, digest: known.digest });
  const { sizeBytes, cacheNode, manifest, uploadedBy } = given;
  const row = {
    ...{ id: newId(ModuleBundleId, "mod"), tenant_id: tenantId, name, version, digest, manifest },
    ...{ size_bytes: sizeBytes, cache_node: cacheNode, uploaded_by: uploadedBy },
  };
  return await bundles.create(db, row, `${name}@${version}`);
}

/** A version of a module. */
export interface ModuleKey {
  readonly name: Name;
  readonly version: string;
}

/** Of these versions those that have been uploaded, newest first. A module may have thousands of others, which are not looked at. */
export async function bundlesOf(
  db: Kysely<Database>,
  { tenantId, keys }: { readonly tenantId: TenantId; readonly keys: readonly ModuleKey[] },
): Promise<ModuleBundle[]> {
  if (keys.length === 0) return [];
  const [names, versions] = [keys.map(({ name }) => name), keys.map(({ version }) => version)];
  const rows = await db
    .selectFrom("module_bundle")
    .selectAll()
    .where("tenant_id", "=", tenantId)
    .where(sql<boolean>`(name, version) in (select * from unnest(${names}::text[], ${versions}::text[]))`)
    .orderBy("id", "desc")
    .execute();
  return rows.map(showBundle);
}

/** Whether a tenant has uploaded any version of this module. */
export async function hasModule(db: Kysely<Database>, tenantId: TenantId, name: Name): Promise<boolean> {
  const row = await db
    .selectFrom("module_bundle")
    .select("id")
    .where("tenant_id", "=", tenantId)
    .where("name", "=", name)
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

/** Whether a tenant has uploaded these bits as a module. */
export async function hasModuleObject(db: Kysely<Database>, tenantId: TenantId, digest: Digest): Promise<boolean> {
  return (await bundles.find(db, tenantId, { digest })) !== null;
}

/** Which of these objects modules of any tenant name. */
export async function namedByModules(db: Kysely<Database>, digests: readonly Digest[]): Promise<Digest[]> {
  const rows = await db.selectFrom("module_bundle").select("digest").where("digest", "in", digests).execute();
  return rows.map(({ digest }) => digest);
}
