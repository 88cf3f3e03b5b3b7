import { hostname } from "node:os";
import { z } from "zod";
import type { Doors } from "./driver.ts";

const Url = z.url({ protocol: /^https?$/ }).transform((url) => url.replace(/\/+$/, ""));

const Address = z
  .string()
  .regex(/^.+:\d+$/, "must be address:port")
  .transform((text) => {
    const at = text.lastIndexOf(":");
    return { host: text.slice(0, at).replace(/^\[(.*)\]$/, "$1"), port: Number(text.slice(at + 1)) };
  });

const Environment = z.object({
  /** An inherited listening socket; it outlives this process, so that connections wait in it while the next one starts. */
  EVENKEEL_GATEWAY_LISTEN_FD: z.coerce.number().int().min(3).optional(),
  EVENKEEL_GATEWAY_LISTEN: Address.default({ host: "127.0.0.1", port: 7780 }),
  /** The same for TLS; without either it has no door for it. */
  EVENKEEL_GATEWAY_TLS_LISTEN_FD: z.coerce.number().int().min(3).optional(),
  EVENKEEL_GATEWAY_TLS_LISTEN: Address.optional(),
  /** Separated by commas; none = it serves by the table it has. */
  EVENKEEL_CONTROL_PLANES: z
    .string()
    .default("")
    .transform((text) => text.split(",").filter((url) => url !== ""))
    .pipe(z.array(Url)),
  EVENKEEL_GATEWAY_HOME: z.string().min(1),
  EVENKEEL_GATEWAY_HANDOVER: z.string().optional(),
  EVENKEEL_GATEWAY_TLS_HANDOVER: z.string().optional(),
  EVENKEEL_JOIN_TOKEN: z.string().optional(),
  EVENKEEL_GATEWAY_NAME: z.string().default(hostname().split(".")[0] ?? "gateway"),
  /** What clients reach it by, told at the first join; default: where it listens. */
  EVENKEEL_GATEWAY_URL: Url.optional(),
  /** Where it stands: services that ask for it are served from there first. */
  EVENKEEL_GATEWAY_ZONE: z.string().min(1).optional(),
  EVENKEEL_GATEWAY_TRUST_FORWARDED: z.enum(["0", "1"]).default("0"),
  /** Addresses or networks, separated by commas: their connections begin with a header of the PROXY protocol, version 1 or 2. */
  EVENKEEL_GATEWAY_PROXY_PROTOCOL: z
    .string()
    .default("")
    .transform((text) => text.split(",").flatMap((network) => (network.trim() === "" ? [] : [network.trim()])))
    .pipe(z.array(z.union([z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()], "must be an address or address/bits"))),
  /** `auto`: haproxy where it is installed. */
  EVENKEEL_GATEWAY_DRIVER: z.enum(["auto", "node", "haproxy"]).default("auto"),
  /** The program, by name or path. */
  EVENKEEL_HAPROXY: z.string().min(1).optional(),
  EVENKEEL_GATEWAY_RESPONSE_SECONDS: z.coerce.number().min(1).max(3600).default(120),
});

export interface Config {
  readonly doors: Doors;
  readonly controlPlanes: readonly string[];
  readonly home: string;
  readonly handoverPath: string | null;
  readonly tlsHandoverPath: string | null;
  readonly joinToken: string | null;
  readonly name: string;
  readonly url: string | null;
  readonly zone: string | null;
  readonly trustForwarded: boolean;
  readonly proxies: readonly string[];
  readonly responseTimeoutMs: number;
  readonly driver: "auto" | "node" | "haproxy";
  readonly haproxy: string | null;
}

/** The configuration out of the environment; throws what is wrong with it, by name. */
export function readConfig(environment: NodeJS.ProcessEnv): Config {
  const parsed = Environment.safeParse(environment);
  if (!parsed.success) throw new Error(z.prettifyError(parsed.error));
  const values = parsed.data;
  const { EVENKEEL_GATEWAY_LISTEN_FD: fd, EVENKEEL_GATEWAY_TLS_LISTEN_FD: tlsFd } = values;
  return {
    doors: {
      plain: fd === undefined ? values.EVENKEEL_GATEWAY_LISTEN : { fd },
      tls: tlsFd === undefined ? (values.EVENKEEL_GATEWAY_TLS_LISTEN ?? null) : { fd: tlsFd },
    },
    controlPlanes: values.EVENKEEL_CONTROL_PLANES,
    home: values.EVENKEEL_GATEWAY_HOME,
    handoverPath: values.EVENKEEL_GATEWAY_HANDOVER ?? null,
    tlsHandoverPath: values.EVENKEEL_GATEWAY_TLS_HANDOVER ?? null,
    joinToken: values.EVENKEEL_JOIN_TOKEN ?? null,
    name: values.EVENKEEL_GATEWAY_NAME,
    url: values.EVENKEEL_GATEWAY_URL ?? null,
    zone: values.EVENKEEL_GATEWAY_ZONE ?? null,
    trustForwarded: values.EVENKEEL_GATEWAY_TRUST_FORWARDED === "1",
    proxies: values.EVENKEEL_GATEWAY_PROXY_PROTOCOL,
    responseTimeoutMs: values.EVENKEEL_GATEWAY_RESPONSE_SECONDS * 1000,
    driver: values.EVENKEEL_GATEWAY_DRIVER,
    haproxy: values.EVENKEEL_HAPROXY ?? null,
  };
}
