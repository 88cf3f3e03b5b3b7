export { hostFindings } from "./doctor.ts";
export { type HostDeps, hostHandlers, type RefuseLocked } from "./endpoints.ts";
export type { HostReadings } from "./readings.ts";
export { type HostRow, showHost } from "./show.ts";
export { findHostsByCredential, hostsOf, type PlacedHost, placeHosts, readHost, useJoinToken } from "./store.ts";
