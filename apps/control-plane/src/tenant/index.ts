export { ensureTenant, tenantName } from "./store.ts";
