import { PlatformError } from "@evenkeel/contracts/error";
import { SplitFile } from "@evenkeel/contracts/module-operation";
import { parseYaml } from "./manifest.ts";
import { readNamedFile } from "./named-file.ts";

/** Reads and checks the file by which the bases of a cluster split requests and calls. `name` is the file as the person wrote it. */
export async function readSplitFile(path: string, name: string): Promise<SplitFile> {
  return parseSplitFile(await readNamedFile(path, name), name);
}

/** Checks the text of such a file; what is wrong is named by line and field. */
export function parseSplitFile(text: string, name: string): SplitFile {
  return parseYaml(text, SplitFile, (facts) => new PlatformError("SPLIT_FILE_INVALID", { file: name, ...facts }));
}
