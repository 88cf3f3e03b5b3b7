import { join } from "node:path";
import { PlatformError } from "@evenkeel/contracts/error";
import { z } from "zod";
import manifest from "../../../package.json" with { type: "json" };

/** What a control plane is told by its environment. */
export interface Config {
  readonly version: string;
  readonly host: string;
  readonly port: number;
  /** Where other replicas and agents reach this one; null = where it listens. */
  readonly url: string | null;
  readonly databaseUrl: string;
  /** Folder of packages and other objects. */
  readonly objectFolder: string;
  /** File whose content is the token of the principal `admin`. */
  readonly bootstrapTokenFile: string | null;
  /** File whose content seals what is secret in the database, the same for all replicas; null = nothing of that sort is kept. */
  readonly secretKeyFile: string | null;
  /** Folder of the built-in buildpacks. */
  readonly buildpackFolder: string;
  /** Folder of the built console. */
  readonly consoleFolder: string;
  /** How long entries of the audit are kept. */
  readonly auditDays: number;
  /** Hosts that guards may ask, `*.name` for all below it; null = any. */
  readonly checkHosts: readonly string[] | null;
}

const Environment = z.object({
  EVENKEEL_LISTEN_HOST: z.string().min(1).default("127.0.0.1"),
  EVENKEEL_PORT: z.coerce.number().int().min(0).max(65_535).default(7700),
  EVENKEEL_URL: z.url().optional(),
  DATABASE_URL: z.string().regex(/^postgres(ql)?:\/\//, "must begin with postgres://"),
  EVENKEEL_OBJECTS: z.string().min(1),
  EVENKEEL_BOOTSTRAP_TOKEN_FILE: z.string().min(1).optional(),
  EVENKEEL_SECRET_KEY_FILE: z.string().min(1).optional(),
  EVENKEEL_BUILDPACKS: z
    .string()
    .min(1)
    .default(join(import.meta.dirname, "../../../buildpacks")),
  EVENKEEL_CONSOLE: z
    .string()
    .min(1)
    .default(join(import.meta.dirname, "../../../.runtime/console")),
  EVENKEEL_CHECK_HOSTS: z
    .string()
    .regex(/^(\*\.)?[\w.-]+(,(\*\.)?[\w.-]+)*$/, "must be host names, separated by commas")
    .optional(),
  EVENKEEL_AUDIT_DAYS: z.coerce.number().int().min(1).max(36_500).default(400),
});

/** Reads the environment; names the setting that is wrong or missing. */
export function readConfig(environment: NodeJS.ProcessEnv): Config {
  const parsed = Environment.safeParse(environment);
  if (!parsed.success) {
    const { path, message } = parsed.error.issues[0]!;
    throw new PlatformError("SETTING_INVALID", { setting: path.join("."), problem: message });
  }
  const settings = parsed.data;
  return {
    version: manifest.version,
    host: settings.EVENKEEL_LISTEN_HOST,
    port: settings.EVENKEEL_PORT,
    url: settings.EVENKEEL_URL ?? null,
    databaseUrl: settings.DATABASE_URL,
    objectFolder: settings.EVENKEEL_OBJECTS,
    bootstrapTokenFile: settings.EVENKEEL_BOOTSTRAP_TOKEN_FILE ?? null,
    secretKeyFile: settings.EVENKEEL_SECRET_KEY_FILE ?? null,
    buildpackFolder: settings.EVENKEEL_BUILDPACKS,
    consoleFolder: settings.EVENKEEL_CONSOLE,
    auditDays: settings.EVENKEEL_AUDIT_DAYS,
    checkHosts: settings.EVENKEEL_CHECK_HOSTS?.split(",") ?? null,
  };
}
