export { principalGroupHandlers } from "./endpoints.ts";
export { getGroup, membersByGroup, principalIds, setGroup } from "./store.ts";
