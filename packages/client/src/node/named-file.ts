import { readFile } from "node:fs/promises";
import { PlatformError } from "@evenkeel/contracts/error";

/** The text of a file that a person named; `name` is the file as he wrote it. */
export async function readNamedFile(path: string, name: string): Promise<string> {
  return await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    throw new PlatformError("FILE_UNUSABLE", {
      path: name,
      reason: error.code === "ENOENT" ? "no such file" : error.message,
    });
  });
}
