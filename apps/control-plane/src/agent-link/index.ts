export { AgentLinks, type AgentLinksOptions } from "./links.ts";
export type { AgentListener } from "./listener.ts";
export {
  closeConnections,
  enqueueCommands,
  forgetChange,
  type HostWhereabouts,
  type OutgoingCommand,
  onlineHosts,
  revokeCommands,
  whereabouts,
} from "./store/index.ts";
