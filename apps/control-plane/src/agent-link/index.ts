export type { AgentListener } from "./listener.ts";
export {
  enqueueCommands,
  forgetChange,
  type HostWhereabouts,
  type OutgoingCommand,
  onlineHosts,
  revokeCommands,
  whereabouts,
} from "./store/index.ts";
