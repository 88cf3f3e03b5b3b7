export { assignBase, type BaseRow, readBases } from "./base.ts";
export {
  type ClusterRow,
  createCluster,
  placementsOf,
  putPlacements,
  putSplit,
  readClusters,
  removeCluster,
} from "./cluster.ts";
export { recordBases } from "./record.ts";
