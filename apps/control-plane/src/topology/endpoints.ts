import { PlatformError } from "@evenkeel/contracts/error";
import type { Handlers } from "../http/index.ts";
import { findWorkspace } from "../workspace/index.ts";
import { type TopologyDeps, watchTopology } from "./watch.ts";

export function topologyHandlers(deps: TopologyDeps): Handlers<"watchTopology"> {
  return {
    watchTopology: async ({ params, caller, signal }) => {
      const { tenantId } = caller;
      const name = params.workspace;
      const workspace = await findWorkspace(deps.db, { tenantId, name });
      if (workspace === null) throw new PlatformError("NOT_FOUND", { resource: `workspace ${name}` });
      return watchTopology(deps, { tenantId, workspaceId: workspace.id, caller, signal });
    },
  };
}
