import { spawn } from "node:child_process";
import { mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import { RevisionNames } from "@evenkeel/contracts/agent-protocol";
import { BuildpackDefinition, BuildpackObject } from "@evenkeel/contracts/buildpack";
import { PlatformError } from "@evenkeel/contracts/error";
import { Digest, Moment, RevisionId, ServiceId } from "@evenkeel/contracts/id";
import { Configuration } from "@evenkeel/contracts/service";
import { makeFolder, readJson, writeDurableJson } from "@evenkeel/kit/durable-file";
import { z } from "zod";
import { safeMode } from "./archive-entry.ts";
import { isExecutable, readHead } from "./file-look.ts";

/** What stands beside an unpacked revision; written last, so that a folder without it is one that was never finished. */
export const StagedRevision = z.strictObject({
  serviceId: ServiceId,
  revisionId: RevisionId,
  revisionDigest: Digest,
  version: z.string(),
  packageDigest: Digest,
  buildpackDigest: Digest,
  buildpack: BuildpackDefinition,
  configuration: Configuration,
  names: RevisionNames.optional(),
  stagedAt: Moment,
});
export type StagedRevision = z.infer<typeof StagedRevision>;

const SCRIPT_LOOK_BYTES = 65_536;

/** The revisions of this host: `<service>/<revision>/{app, buildpack, revision.json}`. */
export class RevisionStore {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  folderOf(serviceId: ServiceId, revisionId: RevisionId): string {
    return join(this.#folder, serviceId, revisionId);
  }

  appFolder(serviceId: ServiceId, revisionId: RevisionId): string {
    return join(this.folderOf(serviceId, revisionId), "app");
  }

  /** Path of a life-cycle script of the revision's buildpack. */
  scriptPath({ serviceId, revisionId }: StagedRevision, script: string): string {
    return join(this.folderOf(serviceId, revisionId), "buildpack", script);
  }

  async find(serviceId: ServiceId, revisionId: RevisionId): Promise<StagedRevision | null> {
    return await readJson(join(this.folderOf(serviceId, revisionId), "revision.json"), StagedRevision);
  }

  async get(serviceId: ServiceId, revisionId: RevisionId): Promise<StagedRevision> {
    const staged = await this.find(serviceId, revisionId);
    if (staged === null) throw new PlatformError("REVISION_NOT_STAGED", { revisionId });
    return staged;
  }

  /** Declares the revision whole, after everything of it has reached the disk. */
  async finish(staged: StagedRevision): Promise<void> {
    const folder = this.folderOf(staged.serviceId, staged.revisionId);
    await syncFileSystem(folder);
    // killed here: no revision.json, so it is staged once more
    await writeDurableJson(join(folder, "revision.json"), staged);
  }

  async remove(serviceId: ServiceId, revisionId: RevisionId): Promise<void> {
    const folder = this.folderOf(serviceId, revisionId);
    // First what says that it is whole: killed in between, the rest is no revision.
    await rm(join(folder, "revision.json"), { force: true });
    await rm(folder, { recursive: true, force: true });
  }

  /** Every revision that is whole, by service. */
  async list(): Promise<StagedRevision[]> {
    const services = await readdir(this.#folder).catch(() => []);
    const found = await Promise.all(
      services.map(async (service) => {
        const revisions = await readdir(join(this.#folder, service)).catch(() => []);
        const paths = revisions.map((revision) => join(this.#folder, service, revision, "revision.json"));
        return await Promise.all(paths.map((path) => readJson(path, StagedRevision).catch(() => null)));
      }),
    );
    return found.flat().filter((staged) => staged !== null);
  }
}

/** Reads a buildpack's object and writes its files. */
export async function unpackBuildpack(object: string, folder: string): Promise<BuildpackDefinition> {
  const { definition, files } = BuildpackObject.parse(JSON.parse(await readFile(object, "utf8")));
  await mkdir(folder, { recursive: true });
  for (const { path, executable, text } of files) {
    if (path.startsWith("/") || path.split("/").includes(".."))
      throw new PlatformError("PACKAGE_UNSAFE", { entry: path, problem: "leaves the folder" });
    if (text.startsWith("#!") && text.includes("\r\n")) throw new PlatformError("SCRIPT_CRLF", { file: path });
    await makeFolder(dirname(join(folder, path)));
    await writeFile(join(folder, path), text, { mode: safeMode(executable ? 0o755 : 0o644, "file") });
  }
  return definition;
}

/** Refuses when the host lacks a command that the buildpack needs; `platform-node` runs this agent, so it is there. */
export async function assertNeeds({ name, needs }: BuildpackDefinition, path: string): Promise<void> {
  const folders = path.split(delimiter);
  for (const need of needs.filter((one) => one !== "platform-node")) {
    const found = await Promise.all(folders.map((folder) => isExecutable(join(folder, need))));
    if (!found.includes(true)) throw new PlatformError("NEED_MISSING", { need, buildpack: name });
  }
}

/** Refuses a script of the package with Windows line ends before it is started: its shell would only say "not found". */
export async function assertNoCarriageReturn(command: string, appFolder: string): Promise<void> {
  const words = command.split(/[\s;|&()'"]+/).filter((word) => word !== "" && !word.startsWith("-"));
  for (const word of words.slice(0, 20)) {
    const path = join(appFolder, word);
    if (word.startsWith("/") || !path.startsWith(`${appFolder}/`)) continue;
    const start = await readStart(path);
    const isScript = start.startsWith("#!") || /\.(sh|bash)$/.test(word);
    if (isScript && start.includes("\r\n")) throw new PlatformError("SCRIPT_CRLF", { file: word });
  }
}

async function readStart(path: string): Promise<string> {
  if ((await stat(path).catch(() => null))?.isFile() !== true) return "";
  return (await readHead(path, SCRIPT_LOOK_BYTES)).toString("latin1");
}

/** One call for thousands of files: fsync of each would take seconds. */
async function syncFileSystem(folder: string): Promise<void> {
  const child = spawn("sync", ["-f", folder], { stdio: "ignore" });
  const code = await new Promise((resolve, reject) => child.once("error", reject).once("exit", resolve));
  if (code !== 0) throw new PlatformError("FILE_UNUSABLE", { path: folder, reason: `sync ended with ${code}` });
}
