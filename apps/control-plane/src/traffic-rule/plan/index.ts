export { refuseRules } from "./check.ts";
