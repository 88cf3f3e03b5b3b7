import { PlatformError } from "@evenkeel/contracts/error";
import type { Handlers } from "../http/index.ts";
import { findWorkspace } from "../workspace/index.ts";
import { type OverviewDeps, watchWorkspace } from "./watch.ts";

export function overviewHandlers(deps: OverviewDeps): Handlers<"watchWorkspace"> {
  return {
    watchWorkspace: async ({ params, caller, signal }) => {
      const { tenantId } = caller;
      const name = params.workspace;
      const workspace = await findWorkspace(deps.db, { tenantId, name });
      if (workspace === null) throw new PlatformError("NOT_FOUND", { resource: `workspace ${name}` });
      return watchWorkspace(deps, { tenantId, workspaceId: workspace.id, caller, signal });
    },
  };
}
