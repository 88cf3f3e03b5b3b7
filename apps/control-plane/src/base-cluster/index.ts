export { baseClusterHandlers } from "./endpoints.ts";
export { baseFindings } from "./findings.ts";
export {
  assignBase,
  type BaseRow,
  type ClusterMembers,
  type ClusterRow,
  membersOfClusters,
  placementsOf,
  putPlacements,
  putSplit,
  readBases,
  readClusters,
  recordBases,
} from "./store/index.ts";
