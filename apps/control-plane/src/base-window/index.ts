export { baseWindowHandlers } from "./endpoints.ts";
export { WindowRecorder } from "./recorder.ts";
export { readLoad } from "./store/index.ts";
