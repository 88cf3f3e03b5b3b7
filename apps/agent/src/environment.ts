import { dirname } from "node:path";
import type { Marker } from "./process-group.ts";

/** What of the agent's own environment an application sees; everything else, credentials above all, stays behind. */
const INHERITED = ["HOME", "LANG", "LC_ALL", "TZ", "USER", "LOGNAME", "TMPDIR"];

/** The environment of whatever the agent starts: a clean one, with the Node that runs the agent first in PATH. */
export function cleanEnvironment(marker: Marker, given: Readonly<Record<string, string>>): Record<string, string> {
  const inherited = INHERITED.flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  const path = `${dirname(process.execPath)}:${process.env.PATH ?? "/usr/local/bin:/usr/bin:/bin"}`;
  return { ...Object.fromEntries(inherited), PATH: path, ...given, [marker.name]: marker.value };
}
