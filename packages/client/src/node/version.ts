import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { Digest } from "@evenkeel/contracts/id";
import { Version } from "@evenkeel/contracts/id";

const run = promisify(execFile);

/** Version of a package that names none: what git says of the folder, else the time. */
export async function defaultVersion(folder: string, digest: Digest, now: Date): Promise<Version> {
  const said = await describe(folder);
  if (said === null) return Version.parse(now.toISOString().slice(0, 19).replace(/[-:]/g, "").replace("T", "-"));
  // A folder with uncommitted work may be packed again and again: its bits tell these versions apart.
  const mark = said.endsWith("-dirty") ? `.${digest.slice(7, 14)}` : "";
  const legal = said.replace(/[^0-9A-Za-z._+-]/g, "-").replace(/^[^0-9A-Za-z]+/, "");
  return Version.parse(legal.slice(0, 50 - mark.length) + mark);
}

async function describe(folder: string): Promise<string | null> {
  try {
    const { stdout } = await run("git", ["-C", folder, "describe", "--tags", "--always", "--dirty"]);
    return stdout.trim() || null;
  } catch {
    return null;
  }
}
