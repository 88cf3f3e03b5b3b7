import { createHash } from "node:crypto";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { BuildpackDefinition, type BuildpackObject } from "@evenkeel/contracts/buildpack";
import { canonicalJson } from "@evenkeel/contracts/canonical";
import { PlatformError } from "@evenkeel/contracts/error";
import { Digest, type TenantId } from "@evenkeel/contracts/id";
import type { Kysely } from "kysely";
import { parse } from "yaml";
import type { Database } from "../database.ts";
import type { ObjectStore } from "../object-store/index.ts";
import { putBuildpack } from "./store.ts";

const DEFINITION = "buildpack.yaml";
const FOLDERS = ["lifecycle", "resources"];

export interface RegisterBuiltIn {
  readonly db: Kysely<Database>;
  readonly objects: ObjectStore;
  readonly folder: string;
  readonly tenantId: TenantId;
}

const digestOf = (content: string | Uint8Array): Digest =>
  Digest.parse(`sha256:${createHash("sha256").update(content).digest("hex")}`);

/** Makes every buildpack of the folder an object and registers it by its digest; what is there already stays. */
export async function registerBuiltIn({ db, objects, folder, tenantId }: RegisterBuiltIn): Promise<void> {
  for (const name of (await readdir(folder)).toSorted()) {
    if (!(await stat(join(folder, name))).isDirectory()) continue;
    const buildpack = await readBuildpack(join(folder, name));
    const content = Buffer.from(canonicalJson(buildpack));
    const digest = digestOf(content);
    // The name first: an object that something names is not collected.
    await putBuildpack(db, {
      ...{ tenantId, definition: buildpack.definition, digest, sizeBytes: content.length },
      scripts: Object.fromEntries(buildpack.files.map(({ path, text }) => [path, digestOf(text)])),
    });
    // killed here: a buildpack whose object is not there yet; the next boot stores it
    await objects.put(content);
  }
}

/** Reads one folder as the object that agents fetch. */
export async function readBuildpack(folder: string): Promise<BuildpackObject> {
  const file = join(folder, DEFINITION);
  const parsed = BuildpackDefinition.safeParse(parse(await readFile(file, "utf8")));
  if (!parsed.success) {
    const { path, message } = parsed.error.issues[0]!;
    throw new PlatformError("FILE_DAMAGED", { path: file, reason: `${path.join(".")}: ${message}` });
  }
  const files = (await Promise.all(FOLDERS.map((sub) => readFiles(folder, sub)))).flat();
  const missing = Object.values(parsed.data.lifecycle).find((script) => !files.some(({ path }) => path === script));
  if (missing !== undefined) throw new PlatformError("FILE_DAMAGED", { path: file, reason: `${missing} is not there` });
  return { definition: parsed.data, files };
}

async function readFiles(folder: string, sub: string): Promise<BuildpackObject["files"]> {
  const names = await readdir(join(folder, sub)).catch(() => []);
  return await Promise.all(
    names.toSorted().map(async (name) => {
      const path = join(folder, sub, name);
      return {
        path: `${sub}/${name}`,
        executable: ((await stat(path)).mode & 0o111) !== 0,
        text: await readFile(path, "utf8"),
      };
    }),
  );
}
