export { type AgentConnections, commandPort } from "./connections.ts";
export { AgentLinks, type AgentLinksOptions } from "./links.ts";
export type { AgentListener, SentCommand } from "./listener.ts";
export { FORWARDED_HEADER, logReader, type ReadLogs } from "./logs.ts";
export {
  closeConnections,
  enqueueCommands,
  forgetChange,
  type HostWhereabouts,
  type OutgoingCommand,
  onlineHosts,
  revokeCommands,
} from "./store/index.ts";
