export { baseClusterHandlers } from "./endpoints.ts";
export {
  assignBase,
  type BaseRow,
  type ClusterRow,
  placementsOf,
  putPlacements,
  putSplit,
  readBases,
  readClusters,
  recordBases,
} from "./store/index.ts";
