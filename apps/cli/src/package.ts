import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { ensureApplication } from "@evenkeel/client/deployment";
import { readManifest } from "@evenkeel/client/node/manifest";
import { allItems } from "@evenkeel/client/page";
import { bytes, span } from "@evenkeel/client/text/line";
import { PlatformError } from "@evenkeel/contracts/error";
import type { Package } from "@evenkeel/contracts/package";
import type { AddCommands, Cli } from "./context.ts";
import { uploadWithProgress, versionOf, withPacked } from "./packing.ts";
import { table } from "./table.ts";

interface UploadOptions {
  readonly application?: string;
  readonly packageVersion?: string;
}

export const addPackageCommands: AddCommands = (program, run) => {
  const pkg = program.command("package").description("uploaded versions of applications");
  pkg
    .command("list")
    .argument("[application]")
    .description("packages, newest first")
    .action(
      run(async (cli, application: string | undefined) => {
        const client = await cli.client();
        const packages = await allItems(client.listPackages, application === undefined ? {} : { application }, 500);
        cli.answer(
          packages,
          table(packages, COLUMNS, "No package yet: `evenkeel deploy` or `evenkeel package upload`."),
        );
      }),
    );
  pkg
    .command("upload")
    .argument("[path]", "a folder to pack, or an archive (.tar, .tar.gz, .zip)", ".")
    .description("uploads a package without releasing it")
    .option("--application <name>", "default: the manifest's")
    .option("--package-version <version>", "default: the manifest's, else git or the time")
    .action(
      run(async (cli, path: string, options: UploadOptions) => {
        const uploaded = await upload(cli, resolve(cli.io.cwd, path), options);
        cli.answer(uploaded, []);
      }),
    );
};

async function upload(cli: Cli, path: string, options: UploadOptions): Promise<Package> {
  const found = await stat(path).catch(() => null);
  if (found === null) throw new PlatformError("NOT_FOUND", { resource: path });
  const manifest = found.isDirectory() ? await readManifest(path).catch(missingIsFine(options)) : null;
  const application = options.application ?? manifest?.application;
  const version = options.packageVersion ?? manifest?.version;
  if (application === undefined)
    throw new PlatformError("INPUT_INVALID", { problem: "an archive needs --application" });
  await ensureApplication(await cli.client(), application);
  if (found.isDirectory()) {
    return withPacked(cli, path, async (packed) =>
      uploadWithProgress(cli, {
        application,
        version: await versionOf(cli, { given: version, folder: path, packed, application }),
        file: packed.file,
      }),
    );
  }
  if (version === undefined)
    throw new PlatformError("INPUT_INVALID", { problem: "an archive needs --package-version" });
  return uploadWithProgress(cli, { application, version, file: path });
}

/** A folder without a manifest may be uploaded by naming the application. */
const missingIsFine =
  ({ application }: UploadOptions) =>
  (error: unknown) => {
    const missing = error instanceof PlatformError && error.code === "MANIFEST_MISSING";
    if (missing && application !== undefined) return null;
    throw error;
  };

const COLUMNS = [
  { title: "APPLICATION", value: ({ application }: Package) => span(application, "bold") },
  { title: "VERSION", value: ({ version }: Package) => version },
  { title: "SIZE", value: ({ sizeBytes }: Package) => bytes(sizeBytes) },
  { title: "DIGEST", value: ({ digest }: Package) => `${digest.slice(0, 19)}…` },
  { title: "UPLOADED", value: ({ uploadedAt }: Package) => uploadedAt },
  { title: "BY", value: ({ uploadedBy }: Package) => uploadedBy },
];
