import type { SetAdmissionRule } from "@evenkeel/contracts/admission";
import type { PlannedApplication } from "@evenkeel/contracts/change-plan";
import { AdmissionRuleId, type TenantId } from "@evenkeel/contracts/id";
import { type Kysely, sql } from "kysely";
import type { Database } from "../database.ts";
import { namedResource } from "../resource/index.ts";

export const admissionRules = namedResource<SetAdmissionRule>({
  table: "admission_rule",
  noun: "admission rule",
  id: { schema: AdmissionRuleId, prefix: "adr" },
});

export interface BitsQuery {
  readonly tenantId: TenantId;
  readonly workspaces: readonly string[];
  readonly applications: readonly PlannedApplication[];
}

const keyOf = (workspace: string, application: string): string => `${workspace} ${application}`;

/** Says which of these bits have succeeded in which of these workspaces, and were not rolled back there. */
export async function bitsThatSucceeded(
  db: Kysely<Database>,
  { tenantId, workspaces, applications }: BitsQuery,
): Promise<(workspace: string, application: Pick<PlannedApplication, "name">) => boolean> {
  if (workspaces.length === 0 || applications.length === 0) return () => false;
  const wanted = applications.map(({ name, packageDigest, buildpackDigest }) => ({
    name,
    packageDigest,
    buildpackDigest,
  }));
  const { rows } = await sql<{ workspace: string; application: string }>`
    select workspace.name as workspace, wanted.bits ->> 'name' as application
    from workspace, jsonb_array_elements(${JSON.stringify(wanted)}::jsonb) as wanted (bits)
    where workspace.tenant_id = ${tenantId} and workspace.name = any (${[...workspaces]})
      and exists (
        select from change
        where change.workspace_id = workspace.id and change.state = 'succeeded' and change.rolled_back_by is null
          and change.plan -> 'applications' @> jsonb_build_array(wanted.bits))`.execute(db);
  const found = new Set(rows.map(({ workspace, application }) => keyOf(workspace, application)));
  return (workspace, { name }) => found.has(keyOf(workspace, name));
}
