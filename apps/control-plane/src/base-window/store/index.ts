export { insertWindows, type ToldWindow } from "./insert.ts";
export { readLoad } from "./load.ts";
export {
  readBaseReadings,
  readBaseSamples,
  readModuleReadings,
  readModuleSamples,
} from "./read.ts";
