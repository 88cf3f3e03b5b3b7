import { admissionEndpoints } from "./admission.ts";
import { applicationEndpoints } from "./application.ts";
import { approvalEndpoints } from "./approval.ts";
import { backupEndpoints } from "./backup.ts";
import { baseClusterEndpoints } from "./base-cluster.ts";
import { buildpackEndpoints } from "./buildpack.ts";
import { certificateEndpoints } from "./certificate.ts";
import { changeEndpoints } from "./change.ts";
import { commandTemplateEndpoints } from "./command-template.ts";
import { diagnosisEndpoints } from "./diagnosis.ts";
import { gatewayEndpoints } from "./gateway-protocol.ts";
import { hostEndpoints } from "./host.ts";
import { moduleBundleEndpoints } from "./module-bundle.ts";
import { moduleStatisticsEndpoints } from "./module-statistics.ts";
import { overviewEndpoints } from "./overview.ts";
import { packageEndpoints } from "./package.ts";
import { principalEndpoints, principalGroupEndpoints } from "./principal.ts";
import { reviewEndpoints } from "./review.ts";
import { scalingRuleEndpoints } from "./scaling-rule.ts";
import { serviceEndpoints } from "./service.ts";
import { sessionEndpoints } from "./session.ts";
import { systemEndpoints } from "./system.ts";
import { topologyEndpoints } from "./topology.ts";
import { trafficRuleEndpoints } from "./traffic-rule.ts";
import { windowEndpoints } from "./window.ts";
import { workspaceEndpoints } from "./workspace.ts";

/** Where every endpoint lives. */
export const API_PREFIX = "/api/v1";

/** Every endpoint of the HTTP API by its operation's name: server, client and OpenAPI document are made from it. */
export const api = {
  ...systemEndpoints,
  ...principalEndpoints,
  ...sessionEndpoints,
  ...workspaceEndpoints,
  ...overviewEndpoints,
  ...topologyEndpoints,
  ...applicationEndpoints,
  ...packageEndpoints,
  ...buildpackEndpoints,
  ...serviceEndpoints,
  ...hostEndpoints,
  ...diagnosisEndpoints,
  ...gatewayEndpoints,
  ...certificateEndpoints,
  ...changeEndpoints,
  ...backupEndpoints,
  ...principalGroupEndpoints,
  ...windowEndpoints,
  ...approvalEndpoints,
  ...admissionEndpoints,
  ...commandTemplateEndpoints,
  ...reviewEndpoints,
  ...trafficRuleEndpoints,
  ...moduleBundleEndpoints,
  ...baseClusterEndpoints,
  ...moduleStatisticsEndpoints,
  ...scalingRuleEndpoints,
};
export type Api = typeof api;
export type OperationName = keyof Api;
