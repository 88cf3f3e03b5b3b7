import { hostname } from "node:os";
import { z } from "zod";

const Url = z.url({ protocol: /^https?$/ }).transform((url) => url.replace(/\/+$/, ""));

const Environment = z.object({
  /** An inherited listening socket; it outlives this process, so that connections wait in it while the next one starts. */
  EVENKEEL_GATEWAY_LISTEN_FD: z.coerce.number().int().min(3).optional(),
  EVENKEEL_GATEWAY_LISTEN: z
    .string()
    .regex(/^.+:\d+$/, "must be address:port")
    .default("127.0.0.1:7780"),
  /** Separated by commas; none = it serves by the table it has. */
  EVENKEEL_CONTROL_PLANES: z
    .string()
    .default("")
    .transform((text) => text.split(",").filter((url) => url !== ""))
    .pipe(z.array(Url)),
  EVENKEEL_GATEWAY_HOME: z.string().min(1),
  EVENKEEL_GATEWAY_HANDOVER: z.string().optional(),
  EVENKEEL_JOIN_TOKEN: z.string().optional(),
  EVENKEEL_GATEWAY_NAME: z.string().default(hostname().split(".")[0] ?? "gateway"),
  /** What clients reach it by, told at the first join; default: where it listens. */
  EVENKEEL_GATEWAY_URL: Url.optional(),
  /** Where it stands: services that ask for it are served from there first. */
  EVENKEEL_GATEWAY_ZONE: z.string().min(1).optional(),
  EVENKEEL_GATEWAY_TRUST_FORWARDED: z.enum(["0", "1"]).default("0"),
  /** `auto`: haproxy where it is installed. */
  EVENKEEL_GATEWAY_DRIVER: z.enum(["auto", "node", "haproxy"]).default("auto"),
  /** The program, by name or path. */
  EVENKEEL_HAPROXY: z.string().min(1).optional(),
  EVENKEEL_GATEWAY_RESPONSE_SECONDS: z.coerce.number().min(1).max(3600).default(120),
});

export interface Config {
  readonly listen: { readonly fd: number } | { readonly host: string; readonly port: number };
  readonly controlPlanes: readonly string[];
  readonly home: string;
  readonly handoverPath: string | null;
  readonly joinToken: string | null;
  readonly name: string;
  readonly url: string | null;
  readonly zone: string | null;
  readonly trustForwarded: boolean;
  readonly responseTimeoutMs: number;
  readonly driver: "auto" | "node" | "haproxy";
  readonly haproxy: string | null;
}

/** The configuration out of the environment; throws what is wrong with it, by name. */
export function readConfig(environment: NodeJS.ProcessEnv): Config {
  const parsed = Environment.safeParse(environment);
  if (!parsed.success) throw new Error(z.prettifyError(parsed.error));
  const values = parsed.data;
  const at = values.EVENKEEL_GATEWAY_LISTEN.lastIndexOf(":");
  const fd = values.EVENKEEL_GATEWAY_LISTEN_FD;
  return {
    listen:
      fd === undefined
        ? {
            host: values.EVENKEEL_GATEWAY_LISTEN.slice(0, at).replace(/^\[(.*)\]$/, "$1"),
            port: Number(values.EVENKEEL_GATEWAY_LISTEN.slice(at + 1)),
          }
        : { fd },
    controlPlanes: values.EVENKEEL_CONTROL_PLANES,
    home: values.EVENKEEL_GATEWAY_HOME,
    handoverPath: values.EVENKEEL_GATEWAY_HANDOVER ?? null,
    joinToken: values.EVENKEEL_JOIN_TOKEN ?? null,
    name: values.EVENKEEL_GATEWAY_NAME,
    url: values.EVENKEEL_GATEWAY_URL ?? null,
    zone: values.EVENKEEL_GATEWAY_ZONE ?? null,
    trustForwarded: values.EVENKEEL_GATEWAY_TRUST_FORWARDED === "1",
    responseTimeoutMs: values.EVENKEEL_GATEWAY_RESPONSE_SECONDS * 1000,
    driver: values.EVENKEEL_GATEWAY_DRIVER,
    haproxy: values.EVENKEEL_HAPROXY ?? null,
  };
}
