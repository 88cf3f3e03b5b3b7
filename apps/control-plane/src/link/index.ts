export { type Accept, acceptLinks } from "./accept.ts";
export { type Beating, Pulse } from "./pulse.ts";
export { Link, type LinkHandlers, type LinkOptions, type ReadMessage } from "./socket.ts";
