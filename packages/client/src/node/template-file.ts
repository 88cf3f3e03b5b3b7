import { CreateCommandTemplate } from "@evenkeel/contracts/command-template";
import { PlatformError } from "@evenkeel/contracts/error";
import { parseYaml } from "./manifest.ts";
import { readNamedFile } from "./named-file.ts";

/** Reads and checks the file of a command template. `name` is the file as the person wrote it. */
export async function readTemplateFile(path: string, name: string): Promise<CreateCommandTemplate> {
  return parseTemplateFile(await readNamedFile(path, name), name);
}

/** Checks the text of such a file; what is wrong is named by line and field. */
export function parseTemplateFile(text: string, name: string): CreateCommandTemplate {
  return parseYaml(
    text,
    CreateCommandTemplate,
    (facts) => new PlatformError("TEMPLATE_FILE_INVALID", { file: name, ...facts }),
  );
}
