export { readBlockers } from "./blocker.ts";
export type { ChangeDeps, CommandPort, EndedChange, EndListener, Log, MeasurePort, MeasureScope } from "./deps.ts";
export { changeHandlers } from "./endpoints.ts";
export { createExecutor, type Executor } from "./execute/executor.ts";
export { agentListener } from "./execute/settle.ts";
export { type ExitPoint, exitAt } from "./exit-point.ts";
export { changeFindings } from "./finding.ts";
export { type GovernancePort, type GovernedChange, governedOf, type Judgement } from "./governance.ts";
export type { Cell, InstanceReading, Measured } from "./guard/index.ts";
export { holderOf } from "./holder.ts";
export type {
  AgentStep,
  ChangeKind,
  ControlStep,
  Draft,
  Facts,
  KindRegistry,
  Observation,
  RollbackRequest,
  Scope,
  StepContext,
  TouchedTarget,
} from "./kind.ts";
export { permitted } from "./permitted.ts";
export { batchFor } from "./place.ts";
export { freeze } from "./plan.ts";
export { readChange, readChangesById, readChangesOf } from "./read.ts";
export { listAwaitingApproval } from "./store/list.ts";
export { refuseLocked } from "./store/lock.ts";
export type { Ask } from "./verbs/context.ts";
export { expire as expireChange } from "./verbs/expire.ts";
export { createChange } from "./verbs/plan.ts";
export { start as startChange } from "./verbs/start.ts";
export { close as closeChange } from "./verbs/steer.ts";
