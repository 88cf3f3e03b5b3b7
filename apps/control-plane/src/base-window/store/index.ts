export { insertWindows, type ToldWindow } from "./insert.ts";
export {
  readBaseReadings,
  readBaseSamples,
  readModuleReadings,
  readModuleSamples,
} from "./read.ts";
