import { cpSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));

/** A copy of this clone that calls itself a higher version; whoever asks for it removes the folder. */
export function newerClone(): { readonly folder: string; readonly version: string } {
  const folder = mkdtempSync(join(tmpdir(), "newer-"));
  for (const name of ["apps", "buildpacks", "packages"])
    cpSync(join(ROOT, name), join(folder, name), { recursive: true, verbatimSymlinks: true });
  symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
  const manifest = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { version: string };
  const version = `9${manifest.version}`;
  writeFileSync(join(folder, "package.json"), JSON.stringify({ ...manifest, version }));
  return { folder, version };
}
