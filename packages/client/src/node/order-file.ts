import { PlatformError } from "@evenkeel/contracts/error";
import { OrderFile } from "@evenkeel/contracts/release-order";
import { parseYaml } from "./manifest.ts";
import { readNamedFile } from "./named-file.ts";

/** Reads and checks the file of an order over several services. `name` is the file as the person wrote it. */
export async function readOrderFile(path: string, name: string): Promise<OrderFile> {
  return parseOrderFile(await readNamedFile(path, name), name);
}

/** Checks the text of such a file; what is wrong is named by line and field. */
export function parseOrderFile(text: string, name: string): OrderFile {
  return parseYaml(text, OrderFile, (facts) => new PlatformError("ORDER_FILE_INVALID", { file: name, ...facts }));
}
