import type { Gateway } from "./gateway-protocol.ts";

/** A driver of the data plane. */
export type Driver = NonNullable<Gateway["driver"]>;

/** What a driver cannot do as the others do: the rows of the conformance table that say `unsupported`, and the decision that names why. */
export const DRIVER_LIMITS = {
  node: [],
  haproxy: [
    { limit: "header-size", adr: "0047" },
    { limit: "folded-header", adr: "0047" },
    { limit: "target-and-host", adr: "0047" },
    { limit: "length-beside-chunks", adr: "0047" },
    { limit: "lost-get", adr: "0047" },
    { limit: "http-1-0", adr: "0047" },
    { limit: "early-answer", adr: "0047" },
    { limit: "post-connection", adr: "0047" },
    { limit: "http-2-cut-answer", adr: "0067" },
    { limit: "proxy-header-in-pieces", adr: "0067" },
    { limit: "control-characters", adr: "0082" },
    { limit: "proxy-header-numbers", adr: "0082" },
    { limit: "proxy-header-family", adr: "0082" },
  ],
} as const satisfies Record<Driver, readonly { readonly limit: string; readonly adr: string }[]>;

export type DriverLimit = (typeof DRIVER_LIMITS)[Driver][number]["limit"];
