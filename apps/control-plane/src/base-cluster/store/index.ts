export { assignBase, type BaseRow, readBases } from "./base.ts";
export {
  type ClusterMembers,
  type ClusterRow,
  createCluster,
  membersOfClusters,
  placementsOf,
  putPlacements,
  putSplit,
  readClusters,
  removeCluster,
} from "./cluster.ts";
export { recordBases } from "./record.ts";
