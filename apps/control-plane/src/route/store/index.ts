export { ensureEntry } from "./entry.ts";
export {
  findTakenRoute,
  listRoutes,
  type RoutePage,
  routesOf,
  type SetRoutes,
  setRoutes,
  type TakenRoute,
} from "./route.ts";
export { instancesToCut, renderTable } from "./table.ts";
export {
  type Confirmation,
  confirmation,
  type DrainReport,
  type DrainStatus,
  drainStatus,
  type ReachedStatus,
  type ReachReport,
  type ReportingGateway,
  reachedStatus,
  recordDraining,
  recordReached,
} from "./traffic.ts";
export {
  cutInstance,
  FULL_WEIGHT,
  type InstanceHealth,
  type NewUpstream,
  type PutUpstreams,
  putUpstreams,
  reportHealth,
  servingIn,
  type UpstreamState,
  upstreamsOf,
} from "./upstream.ts";
export { ROUTES_CHANNEL, raiseVersion, type TableVersion, TRAFFIC_CHANNEL, type Where } from "./version.ts";
