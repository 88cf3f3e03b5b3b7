import { open, rm } from "node:fs/promises";
import { PlatformError } from "@evenkeel/contracts/error";
import { makeFolder } from "@evenkeel/kit/durable-file";
import { EntryGuard } from "./archive-entry.ts";
import { freeBytes, onDisk } from "./disk.ts";

/** Unpacks an archive into a new folder; leaves no part of it behind when it is refused or the disk is full. */
export async function unpack(archive: string, folder: string): Promise<void> {
  await makeFolder(folder);
  const guard = new EntryGuard(await freeBytes(folder));
  await onDisk(folder, () => guard.bytes, {
    run: () => unpackAs(archive, folder, guard),
    clear: () => rm(folder, { recursive: true, force: true }),
    clearAlways: true,
  });
}

async function unpackAs(archive: string, folder: string, guard: EntryGuard): Promise<void> {
  const format = await formatOf(archive);
  if (format === "zip") {
    const { unzip } = await import("./unpack-zip.ts");
    await unzip(archive, folder, guard);
  } else {
    const { untar } = await import("./unpack-tar.ts");
    await untar(archive, { folder, guard, gzipped: format === "tar.gz" });
  }
}

async function formatOf(archive: string): Promise<"zip" | "tar" | "tar.gz"> {
  const file = await open(archive, "r");
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(4), 0, 4, 0);
    if (bytesRead < 4) throw new PlatformError("PACKAGE_UNREADABLE", { problem: "it is empty" });
    const head = buffer.toString("latin1");
    if (head.startsWith("PK")) return "zip";
    return head.startsWith("\x1f\x8b") ? "tar.gz" : "tar";
  } finally {
    await file.close();
  }
}
