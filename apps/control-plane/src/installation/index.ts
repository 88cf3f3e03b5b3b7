export { forgetDeadReplicas, liveReplicas, nextFenceToken, postgresVersion, readEpoch } from "./store.ts";
