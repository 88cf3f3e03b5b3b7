export { forgetDeadReplicas, liveReplicas, postgresVersion } from "./store.ts";
