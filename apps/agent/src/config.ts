import { hostname } from "node:os";
import { resolve } from "node:path";
import { PlatformError } from "@evenkeel/contracts/error";
import { Name } from "@evenkeel/contracts/id";
import { z } from "zod";

const Url = z.url({ protocol: /^https?$/ }).transform((url) => url.replace(/\/+$/, ""));
const Ports = z
  .string()
  .regex(/^\d+-\d+$/, "two numbers with a hyphen between")
  .transform((text) => text.split("-").map(Number))
  .refine(([from = 0, to = 0]) => from >= 1024 && from < to && to <= 65_535, "a range between 1024 and 65535")
  .transform(([from = 0, to = 0]) => ({ from, to }));

const Environment = z.object({
  EVENKEEL_AGENT_HOME: z.string().min(1),
  EVENKEEL_CONTROL_PLANES: z
    .string()
    .transform((list) => list.split(",").filter((url) => url.trim() !== ""))
    .pipe(z.array(Url).min(1)),
  EVENKEEL_JOIN_TOKEN: z.string().optional(),
  EVENKEEL_AGENT_ADDRESS: z.union([z.ipv4(), z.ipv6()]),
  EVENKEEL_AGENT_NAME: Name.optional(),
  EVENKEEL_AGENT_ZONE: Name.optional(),
  // Below the range from which Linux takes the ports of outgoing connections.
  EVENKEEL_AGENT_PORTS: Ports.prefault("20000-29999"),
  EVENKEEL_EXIT_AT: z.string().optional(),
  EVENKEEL_FREEZE_AT: z.string().optional(),
});

export interface PortRange {
  readonly from: number;
  readonly to: number;
}

export interface Config {
  readonly home: string;
  readonly controlPlanes: readonly string[];
  readonly joinToken: string | undefined;
  readonly address: string;
  readonly name: string;
  readonly zone: string | undefined;
  readonly ports: PortRange;
  readonly exitAt: string | undefined;
  readonly freezeAt: string | undefined;
}

/** Reads the environment, and takes the token out of it: nothing that is started later shall inherit it. */
export function readConfig(environment: NodeJS.ProcessEnv): Config {
  const parsed = Environment.safeParse(environment);
  if (!parsed.success) {
    const [first] = parsed.error.issues;
    throw new PlatformError("INPUT_INVALID", { problem: `${first?.path.join(".")}: ${first?.message}` });
  }
  delete environment.EVENKEEL_JOIN_TOKEN;
  const values = parsed.data;
  return {
    home: resolve(values.EVENKEEL_AGENT_HOME),
    controlPlanes: values.EVENKEEL_CONTROL_PLANES,
    joinToken: values.EVENKEEL_JOIN_TOKEN || undefined,
    address: values.EVENKEEL_AGENT_ADDRESS,
    name: values.EVENKEEL_AGENT_NAME ?? nameFrom(hostname()),
    zone: values.EVENKEEL_AGENT_ZONE,
    ports: values.EVENKEEL_AGENT_PORTS,
    exitAt: values.EVENKEEL_EXIT_AT,
    freezeAt: values.EVENKEEL_FREEZE_AT,
  };
}

function nameFrom(host: string): string {
  const name = host
    .toLowerCase()
    .replace(/[^a-z0-9-]/g, "-")
    .replace(/^[^a-z]+|-+$/g, "")
    .slice(0, 60);
  return Name.safeParse(name).success ? name : "host";
}
