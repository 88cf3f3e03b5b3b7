import { chmod } from "node:fs/promises";
import { join } from "node:path";
import { readJson, writeDurable, writeDurableJson } from "@evenkeel/kit/durable-file";
import { z } from "zod";
import { CODE_ROOT, type Home } from "./home.ts";

/** Where an installation is reached; CLI and tests look here. */
export const Endpoints = z.strictObject({
  controlPlanes: z.array(z.string()),
  gateway: z.string(),
  /** Null = it has no door for TLS. */
  gatewayTls: z.string().nullable().default(null),
  pid: z.int(),
  home: z.string(),
  version: z.string(),
});
export type Endpoints = z.infer<typeof Endpoints>;

export async function writeEndpoints(home: Home, endpoints: Endpoints): Promise<void> {
  await writeDurableJson(home.endpointsFile, endpoints, 0o600);
}

export async function readEndpoints(home: Home): Promise<Endpoints | null> {
  return await readJson(home.endpointsFile, Endpoints);
}

const quote = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

/** Leaves the command in `<home>/bin`: the CLI of this very clone, run by the Node that runs us. */
export async function writeCommand(home: Home): Promise<void> {
  const lines = [
    "#!/bin/sh",
    `EVENKEEL_HOME=\${EVENKEEL_HOME:-${quote(home.folder)}}`,
    // How this command was called: what it prints ready to run works where it was printed.
    "EVENKEEL_COMMAND=$0",
    "export EVENKEEL_HOME EVENKEEL_COMMAND",
    `exec ${quote(process.execPath)} ${quote(join(CODE_ROOT, "apps/cli/src/main.ts"))} "$@"`,
    "",
  ];
  await writeDurable(home.commandFile, lines.join("\n"), 0o755);
  await chmod(home.commandFile, 0o755);
}
