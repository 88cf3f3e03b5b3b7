export { diagnosisHandlers } from "./endpoints.ts";
