import type { AdmissionTables } from "./admission/tables.ts";
import type { AgentLinkTables } from "./agent-link/tables.ts";
import type { ApplicationTables } from "./application/tables.ts";
import type { ApprovalTables } from "./approval/tables.ts";
import type { AuditTables } from "./audit/tables.ts";
import type { BackupTables } from "./backup/tables.ts";
import type { BaseClusterTables } from "./base-cluster/tables.ts";
import type { BaseWindowTables } from "./base-window/tables.ts";
import type { BuildpackTables } from "./buildpack/tables.ts";
import type { CertificateTables } from "./certificate/tables.ts";
import type { ChangeTables } from "./change/tables.ts";
import type { CommandTemplateTables } from "./command-template/tables.ts";
import type { ConvergenceTables } from "./convergence/tables.ts";
import type { GatewayTables } from "./gateway/tables.ts";
import type { HostTables } from "./host/tables.ts";
import type { HttpTables } from "./http/tables.ts";
import type { InstallationTables } from "./installation/tables.ts";
import type { ModuleTables } from "./module/tables.ts";
import type { PackageTables } from "./package/tables.ts";
import type { PrincipalTables } from "./principal/tables.ts";
import type { PrincipalGroupTables } from "./principal-group/tables.ts";
import type { ReviewTables } from "./review/tables.ts";
import type { RevisionTables } from "./revision/tables.ts";
import type { RouteTables } from "./route/tables.ts";
import type { SampleTables } from "./sample/tables.ts";
import type { ScalingRuleTables } from "./scaling-rule/tables.ts";
import type { ServiceTables } from "./service/tables.ts";
import type { SessionTables } from "./session/tables.ts";
import type { TenantTables } from "./tenant/tables.ts";
import type { TrafficRuleTables } from "./traffic-rule/tables.ts";
import type { WindowTables } from "./window/tables.ts";
import type { WorkspaceTables } from "./workspace/tables.ts";

/** Every table of the database; each slice declares its own in its `tables.ts`. */
export interface Database
  extends InstallationTables,
    TenantTables,
    PrincipalTables,
    SessionTables,
    AuditTables,
    HttpTables,
    WorkspaceTables,
    ApplicationTables,
    PackageTables,
    BuildpackTables,
    CommandTemplateTables,
    HostTables,
    AgentLinkTables,
    ServiceTables,
    RevisionTables,
    RouteTables,
    TrafficRuleTables,
    GatewayTables,
    CertificateTables,
    SampleTables,
    ChangeTables,
    BackupTables,
    PrincipalGroupTables,
    WindowTables,
    ApprovalTables,
    AdmissionTables,
    ReviewTables,
    ModuleTables,
    BaseClusterTables,
    BaseWindowTables,
    ScalingRuleTables,
    ConvergenceTables {}
