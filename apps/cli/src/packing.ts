import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ensureApplication } from "@evenkeel/client/deployment";
import { fileSource } from "@evenkeel/client/node/file-source";
import { type Packed, packFolder } from "@evenkeel/client/node/pack";
import { gitVersion, timeVersion } from "@evenkeel/client/node/version";
import { eachItem } from "@evenkeel/client/page";
import { bytes, duration, line, plural, span } from "@evenkeel/client/text/line";
import { uploadPackage } from "@evenkeel/client/upload";
import type { Digest } from "@evenkeel/contracts/id";
import type { Package } from "@evenkeel/contracts/package";
import type { Cli } from "./context.ts";

const BAR = 24;

interface BringFolder {
  readonly folder: string;
  readonly application: string;
  readonly version: string | undefined;
  readonly bring: Bring;
}

/** Packs a folder and brings its package as far as wanted; answers with how the package is called. */
export async function bringFolder(
  cli: Cli,
  { folder, application, version: given, bring }: BringFolder,
): Promise<{ readonly version: string; readonly digest: Digest }> {
  return await withPacked(cli, folder, async (packed) => {
    const version = await versionOf(cli, { given, folder, packed, application });
    return { version, digest: await bring(cli, { application, version, packed }) };
  });
}

interface PackedAs {
  readonly application: string;
  readonly version: string;
  readonly packed: Packed;
}

/** How far a package is brought. */
export type Bring = (cli: Cli, what: PackedAs) => Promise<Digest>;

/** A dry run needs no more than its name. */
export const onlyPack: Bring = async (_cli, { packed }) => packed.digest;

/** Into the platform, with the application made where it is new. */
export const uploadPacked: Bring = async (cli, { application, version, packed }) => {
  if (await ensureApplication(await cli.client(), application)) {
    cli.note(line(span("✔", "good"), ` made the application ${application}; it is yours`));
  }
  return (await uploadWithProgress(cli, { application, version, file: packed.file })).digest;
};

/** Packs a folder into a temporary file, for as long as `use` needs it. */
export async function withPacked<Result>(
  cli: Cli,
  folder: string,
  use: (packed: Packed) => Promise<Result>,
): Promise<Result> {
  const temporary = await mkdtemp(join(tmpdir(), "evenkeel-pack-"));
  try {
    const packed = await packFolder(folder, join(temporary, "package.tar.gz"));
    const size = `${plural(packed.entries, "entry").replace("entrys", "entries")}, ${bytes(packed.sizeBytes)}`;
    cli.note(line(span("✔", "good"), ` packed ${folder}`, span(`  ${size}`, "dim")));
    cli.note(...packed.warnings.map((warning) => line(span("⚠ ", "warn"), warning)));
    return await use(packed);
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

interface Versioning {
  readonly given: string | undefined;
  readonly folder: string;
  readonly packed: Packed;
  readonly application: string;
}

/** The manifest's version, else what git says, else the one that these very bits have already, else the time. */
export async function versionOf(cli: Cli, { given, folder, packed, application }: Versioning): Promise<string> {
  const named = given ?? (await gitVersion(folder, packed.digest));
  if (named !== null) return named;
  const client = await cli.client();
  for await (const known of eachItem(client.listPackages, { application })) {
    if (known.digest === packed.digest) return known.version;
  }
  return timeVersion(new Date());
}

/** Uploads with a bar where somebody looks, and a line at the end everywhere. */
export async function uploadWithProgress(
  cli: Cli,
  what: { application: string; version: string; file: string },
): Promise<Package> {
  const { application, version, file } = what;
  const startedAt = Date.now();
  const source = await fileSource(file);
  const pkg = await uploadPackage(await cli.client(), {
    ...{ application, version, source },
    onProgress: ({ sentBytes, sizeBytes }) => {
      const filled = Math.round((BAR * sentBytes) / sizeBytes);
      const bar = `${"█".repeat(filled)}${"░".repeat(BAR - filled)}`;
      const speed = bytes((sentBytes / Math.max(Date.now() - startedAt, 1)) * 1000);
      const figures = `${bytes(sentBytes)} of ${bytes(sizeBytes)}  ${speed}/s`;
      if (!cli.json)
        cli.screen.show([line(span("● ", "busy"), "uploading  ", span(bar, "busy"), span(`  ${figures}`, "dim"))]);
    },
  });
  if (!cli.json) cli.screen.show([]);
  cli.screen.close();
  const took = duration(Date.now() - startedAt);
  const known = pkg.uploadedAt < new Date(startedAt - 1000).toISOString() ? ", was there already" : "";
  cli.note(
    line(
      span("✔", "good"),
      ` uploaded ${application} ${version}`,
      span(`  ${pkg.digest.slice(0, 19)}…  ${took}${known}`, "dim"),
    ),
  );
  return pkg;
}
