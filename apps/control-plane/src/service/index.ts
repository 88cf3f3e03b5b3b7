export { type ServiceDeps, serviceHandlers } from "./endpoints.ts";
export { instanceFindings } from "./findings.ts";
export {
  deleteService,
  findService,
  getService,
  type HostReport,
  instancesOf,
  recordInstances,
  type ServiceName,
  type StoredService,
  servicesForCells,
  servicesOn,
  setServiceHosts,
  setServiceRevision,
  type UpsertService,
  upsertService,
} from "./store/index.ts";
