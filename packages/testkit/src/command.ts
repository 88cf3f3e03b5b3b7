import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { Platform } from "./platform.ts";

/** How a command of a person ended. */
export interface CommandResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the command that the platform left in its folder, as a person would in `folder`. */
export async function runCommand(
  { home }: Platform,
  args: readonly string[],
  { folder = home, environment = {} }: { folder?: string; environment?: Readonly<Record<string, string>> } = {},
): Promise<CommandResult> {
  const child = spawn(join(home, "bin/evenkeel"), args, {
    cwd: folder,
    // A login of the person who runs the tests must not lead it to another platform.
    env: { ...process.env, XDG_CONFIG_HOME: join(home, "test"), EVENKEEL_HOME: home, ...environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const text = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) child[name].on("data", (bytes) => (text[name] += bytes));
  const [code] = (await once(child, "close")) as [number | null];
  return { code, ...text };
}
