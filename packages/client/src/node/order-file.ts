import { readFile } from "node:fs/promises";
import { PlatformError } from "@evenkeel/contracts/error";
import { OrderFile } from "@evenkeel/contracts/release-order";
import { parseYaml } from "./manifest.ts";

/** Reads and checks the file of an order over several services. `name` is the file as the person wrote it. */
export async function readOrderFile(path: string, name: string): Promise<OrderFile> {
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    throw new PlatformError("FILE_UNUSABLE", {
      path: name,
      reason: error.code === "ENOENT" ? "no such file" : error.message,
    });
  });
  return parseOrderFile(text, name);
}

/** Checks the text of such a file; what is wrong is named by line and field. */
export function parseOrderFile(text: string, name: string): OrderFile {
  return parseYaml(text, OrderFile, (facts) => new PlatformError("ORDER_FILE_INVALID", { file: name, ...facts }));
}
