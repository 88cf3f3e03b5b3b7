import { randomBytes } from "node:crypto";
import { mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { PlatformError } from "@evenkeel/contracts/error";
import type { z } from "zod";

// 1. A reader sees the old content or the new, never a part of one.
// 2. When the call has returned, the new content survives a kill and a power cut.
// 3. Two writers at once: one of the two contents stands there afterwards, whole.

/** Replaces the file's content so that it survives a crash at any instant; the folder must exist. */
export async function writeDurable(path: string, content: string | Uint8Array, mode = 0o644): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString("hex")}.tmp`);
  try {
    const file = await open(temporary, "wx", mode);
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    // killed here: the old content stands, the temporary file is left and never read
    await rename(temporary, path);
    // killed here: old or new after a power cut, both whole
    await syncFolder(dirname(path));
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw fileError(path, error);
  }
}

/** Like `writeDurable`, for a value that JSON can hold. */
export async function writeDurableJson(path: string, value: unknown, mode = 0o644): Promise<void> {
  await writeDurable(path, `${JSON.stringify(value, null, 2)}\n`, mode);
}

/** Reads a JSON file and checks it against the schema; null when there is no such file. */
export async function readJson<Schema extends z.ZodType>(
  path: string,
  schema: Schema,
): Promise<z.infer<Schema> | null> {
  const text = await readTextIfThere(path);
  if (text === null) return null;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new PlatformError("FILE_DAMAGED", { path, reason: (error as Error).message });
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const first = parsed.error.issues[0];
  throw new PlatformError("FILE_DAMAGED", {
    path,
    reason: `${first?.path.join(".") ?? ""} ${first?.message ?? ""}`.trim(),
  });
}

/** Text of the file; null when there is no such file. */
export async function readTextIfThere(path: string): Promise<string | null> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw fileError(path, error);
  }
}

/** Makes a new name or a removal in this folder survive a power cut. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Makes the folder, and those above it, where they are missing. */
export async function makeFolder(folder: string, mode = 0o755): Promise<void> {
  try {
    await mkdir(folder, { recursive: true, mode });
  } catch (error) {
    throw fileError(folder, error);
  }
}

function fileError(path: string, error: unknown): Error {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === "ENOSPC" || code === "EDQUOT") return new PlatformError("FILE_DISK_FULL", { path });
  if (code === undefined) return error as Error;
  return new PlatformError("FILE_UNUSABLE", { path, reason: message });
}
