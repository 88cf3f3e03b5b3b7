import { readFile } from "node:fs/promises";
import { PlatformError } from "@evenkeel/contracts/error";
import { RouteChangeSpec } from "@evenkeel/contracts/traffic-rule";
import { parseYaml } from "./manifest.ts";

/** Reads and checks the file of a change of traffic. `name` is the file as the person wrote it. */
export async function readTrafficFile(path: string, name: string): Promise<RouteChangeSpec> {
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    throw new PlatformError("FILE_UNUSABLE", {
      path: name,
      reason: error.code === "ENOENT" ? "no such file" : error.message,
    });
  });
  return parseTrafficFile(text, name);
}

/** Checks the text of such a file; what is wrong is named by line and field. */
export function parseTrafficFile(text: string, name: string): RouteChangeSpec {
  return parseYaml(
    text,
    RouteChangeSpec,
    (facts) => new PlatformError("TRAFFIC_FILE_INVALID", { file: name, ...facts }),
  );
}
