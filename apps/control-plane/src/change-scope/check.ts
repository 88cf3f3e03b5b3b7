import type { ChangeScope } from "@evenkeel/contracts/change-scope";
import { PlatformError } from "@evenkeel/contracts/error";
import type { TenantId } from "@evenkeel/contracts/id";
import type { Kysely } from "kysely";
import { findApplication } from "../application/index.ts";
import type { Database } from "../database.ts";
import { findWorkspace } from "../workspace/index.ts";

export interface ScopeCheck {
  readonly tenantId: TenantId;
  readonly scope: ChangeScope;
  /** Every kind of change there is. */
  readonly kinds: ReadonlySet<string>;
}

/** A rule about something that does not exist would be no rule: throws NOT_FOUND or KIND_UNKNOWN. */
export async function checkScope(tx: Kysely<Database>, { tenantId, scope, kinds }: ScopeCheck): Promise<void> {
  const kind = scope.kinds?.find((one) => !kinds.has(one));
  if (kind !== undefined) throw new PlatformError("KIND_UNKNOWN", { kind });
  for (const name of scope.workspaces ?? []) {
    const found = await findWorkspace(tx, { tenantId, name });
    if (found === null) throw new PlatformError("NOT_FOUND", { resource: `workspace ${name}` });
  }
  for (const name of scope.applications ?? []) {
    const found = await findApplication(tx, { tenantId, name });
    if (found === null) throw new PlatformError("NOT_FOUND", { resource: `application ${name}` });
  }
}
