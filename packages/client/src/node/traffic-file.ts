import { PlatformError } from "@evenkeel/contracts/error";
import { RouteChangeSpec } from "@evenkeel/contracts/traffic-rule";
import { parseYaml } from "./manifest.ts";
import { readNamedFile } from "./named-file.ts";

/** Reads and checks the file of a change of traffic. `name` is the file as the person wrote it. */
export async function readTrafficFile(path: string, name: string): Promise<RouteChangeSpec> {
  return parseTrafficFile(await readNamedFile(path, name), name);
}

/** Checks the text of such a file; what is wrong is named by line and field. */
export function parseTrafficFile(text: string, name: string): RouteChangeSpec {
  return parseYaml(
    text,
    RouteChangeSpec,
    (facts) => new PlatformError("TRAFFIC_FILE_INVALID", { file: name, ...facts }),
  );
}
