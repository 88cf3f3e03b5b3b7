export { baseWindowHandlers } from "./endpoints.ts";
export { WindowRecorder } from "./recorder.ts";
