import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { Digest } from "@evenkeel/contracts/id";
import { Version } from "@evenkeel/contracts/id";

const run = promisify(execFile);

/** What git says of the folder; null where it is no work tree. */
export async function gitVersion(folder: string, digest: Digest): Promise<Version | null> {
  const said = await describe(folder);
  if (said === null) return null;
  // A folder with uncommitted work may be packed again and again: its bits tell these versions apart.
  const mark = said.endsWith("-dirty") ? `.${digest.slice(7, 14)}` : "";
  const legal = said.replace(/[^0-9A-Za-z._+-]/g, "-").replace(/^[^0-9A-Za-z]+/, "");
  return Version.parse(legal.slice(0, 50 - mark.length) + mark);
}

/** The time as a version, for a folder that nothing else names. */
export function timeVersion(now: Date): Version {
  return Version.parse(now.toISOString().slice(0, 19).replace(/[-:]/g, "").replace("T", "-"));
}

async function describe(folder: string): Promise<string | null> {
  try {
    const { stdout } = await run("git", ["-C", folder, "describe", "--tags", "--always", "--dirty"]);
    return stdout.trim() || null;
  } catch {
    return null;
  }
}
