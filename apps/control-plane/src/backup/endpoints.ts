import { PlatformError } from "@evenkeel/contracts/error";
import type { TenantId } from "@evenkeel/contracts/id";
import { type Handlers, pageStart, toPage } from "../http/index.ts";
import { readDrift, readRestoration } from "./store/index.ts";
import { type TakeDeps, takeBackup } from "./take.ts";

export interface BackupDeps extends TakeDeps {
  /** Whose principals keep the installation as a whole. */
  readonly defaultTenant: TenantId;
}

export function backupHandlers(deps: BackupDeps): Handlers<"getBackup" | "getRestoration" | "listHostDrift"> {
  const { db, defaultTenant } = deps;
  return {
    getBackup: async ({ caller, effect, audit }) => {
      if (caller.tenantId !== defaultTenant)
        throw new PlatformError("PERMISSION_MISSING", {
          principal: caller.principalName,
          permission: "installation:backup",
        });
      audit.resource = "installation";
      await effect(async () => undefined as never);
      return { status: 200, headers: { "content-type": "application/x-tar" }, stream: takeBackup(deps) };
    },
    getRestoration: async () => {
      const found = await readRestoration(db);
      if (found === null)
        throw new PlatformError("NOT_FOUND", { resource: "restoration: this installation was never restored" });
      return found;
    },
    listHostDrift: async ({ caller, query }) => {
      const rows = await readDrift(db, { tenantId: caller.tenantId, state: query.state, ...pageStart(query) });
      return toPage(rows, query, { show: (row) => row, keyOf: ({ hostId }) => hostId });
    },
  };
}
