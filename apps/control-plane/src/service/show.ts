import type { Revision, Service } from "@evenkeel/contracts/service";
import type { StoredService } from "./store/index.ts";

export function showService(service: StoredService, revision: Revision | null): Service {
  const { id, workspaceId, workspace, applicationId, application, name, definition, parameters } = service;
  const { previousRevisionId, version, createdAt } = service;
  const allowedActions = ["release", "set-parameters", ...(previousRevisionId === null ? [] : ["rollback"])];
  return {
    id,
    workspaceId,
    workspace,
    applicationId,
    application,
    name,
    definition,
    parameters,
    revision,
    previousRevisionId,
    version,
    createdAt,
    allowedActions,
  };
}
