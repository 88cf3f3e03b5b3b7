export {
  type HostReport,
  instancesOf,
  recordInstances,
  servicesForCells,
  servicesOn,
  troubledInstances,
} from "./instance.ts";
export {
  deleteService,
  findService,
  getService,
  listServices,
  type ServiceName,
  type ServicePage,
  type StoredService,
  setParameters,
  setServiceHosts,
  setServiceRevision,
  type UpsertService,
  upsertService,
} from "./service.ts";
