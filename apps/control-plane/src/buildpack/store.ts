import type { Buildpack } from "@evenkeel/contracts/buildpack";
import { BuildpackId, type Digest, type Name, newId, type TenantId, type Version } from "@evenkeel/contracts/id";
import { json } from "@evenkeel/kit/sql";
import type { Kysely } from "kysely";
import type { Database } from "../database.ts";
import { resource } from "../resource/index.ts";

export const buildpacks = resource<"buildpack", Buildpack>({
  table: "buildpack",
  show: ({ tenant_id: _, size_bytes: __, scripts: ___, created_at, ...row }) => ({ ...row, createdAt: created_at }),
});

/** A buildpack for other slices, with the size of its object. */
export interface FoundBuildpack extends Omit<Buildpack, "createdAt"> {
  readonly sizeBytes: number;
}

/** The buildpack of this name: of a version, or the one registered last. */
export async function findBuildpack(
  db: Kysely<Database>,
  { tenantId, name, version }: { readonly tenantId: TenantId; readonly name: string; readonly version: string | null },
): Promise<FoundBuildpack | null> {
  const columns = { name: name as Name, ...(version === null ? {} : { version: version as Version }) };
  const row = await buildpacks.find(db, tenantId, columns);
  if (row === null) return null;
  const { tenant_id: _, created_at: __, scripts: ___, size_bytes, ...rest } = row;
  return { ...rest, sizeBytes: size_bytes };
}

/** Registers a buildpack by the digest of its object; one that is there already stays. */
export async function putBuildpack(
  db: Kysely<Database>,
  {
    tenantId,
    definition,
    digest,
    sizeBytes,
    scripts,
  }: Pick<FoundBuildpack, "definition" | "digest" | "sizeBytes"> & {
    readonly tenantId: TenantId;
    readonly scripts: Record<string, Digest>;
  },
): Promise<void> {
  await db
    .insertInto("buildpack")
    .values({
      id: newId(BuildpackId, "bpk"),
      tenant_id: tenantId,
      name: definition.name,
      version: definition.version,
      digest,
      size_bytes: sizeBytes,
      definition: json(definition),
      scripts: json(scripts),
    })
    // The same digest has the same scripts; a version before this one did not store them.
    .onConflict((conflict) => conflict.columns(["tenant_id", "digest"]).doUpdateSet({ scripts: json(scripts) }))
    .execute();
}

/** Says whether a buildpack of the tenant has this object. */
export async function hasBuildpackObject(db: Kysely<Database>, tenantId: TenantId, digest: Digest): Promise<boolean> {
  return (await buildpacks.find(db, tenantId, { digest })) !== null;
}

/** Which of these objects buildpacks of any tenant name. */
export async function namedByBuildpacks(db: Kysely<Database>, digests: readonly Digest[]): Promise<Digest[]> {
  const rows = await db.selectFrom("buildpack").select("digest").where("digest", "in", digests).execute();
  return rows.map(({ digest }) => digest);
}

/** Of each of these buildpacks, the digests of its scripts by their path. */
export async function scriptsOf(
  db: Kysely<Database>,
  tenantId: TenantId,
  digests: readonly Digest[],
): Promise<ReadonlyMap<Digest, Readonly<Record<string, Digest>>>> {
  if (digests.length === 0) return new Map();
  const rows = await db
    .selectFrom("buildpack")
    .select(["digest", "scripts"])
    .where("tenant_id", "=", tenantId)
    .where("digest", "in", digests)
    .execute();
  return new Map(rows.map(({ digest, scripts }) => [digest, scripts]));
}
