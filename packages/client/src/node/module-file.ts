import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { PlatformError } from "@evenkeel/contracts/error";
import { MODULE_FILE, ModuleManifest } from "@evenkeel/contracts/module";
import { parseYaml } from "./manifest.ts";

/** Reads and checks the `module.yaml` of a folder. */
export async function readModuleFile(folder: string): Promise<ModuleManifest> {
  const path = join(folder, MODULE_FILE);
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    const reason = error.code === "ENOENT" ? "no such file" : error.message;
    throw new PlatformError("FILE_UNUSABLE", { path, reason });
  });
  return parseModuleFile(text, MODULE_FILE);
}

/** Checks the text of such a file; what is wrong is named by line and field. */
export function parseModuleFile(text: string, name: string): ModuleManifest {
  return parseYaml(text, ModuleManifest, (facts) => new PlatformError("MODULE_FILE_INVALID", { file: name, ...facts }));
}
