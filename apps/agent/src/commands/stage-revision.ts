import { access, rm } from "node:fs/promises";
import { join } from "node:path";
import type { BuildpackDefinition } from "@evenkeel/contracts/buildpack";
import { makeFolder, writeDurable } from "@evenkeel/kit/durable-file";
import { type AgentParts, type Call, CommandEnd, type Handler } from "../command.ts";
import { cleanEnvironment } from "../environment.ts";
import { runAction } from "../lifecycle.ts";
import { assertNeeds, assertNoCarriageReturn, unpackBuildpack } from "../revision-store.ts";
import { unpack } from "../unpack.ts";

type StageCall = Call<"stage-revision">;

/** Unpacks a revision beside the others: no process and no route hears of it. */
export const stageRevision: Handler<"stage-revision"> = async (parts, call) => {
  const { revisions, retention } = parts;
  const { serviceId, revisionId, revisionDigest, version, configuration, names } = call.input;
  const found = await revisions.find(serviceId, revisionId).catch(() => null);
  if (found?.revisionDigest === revisionDigest) return { facts: { reused: true } };

  const folder = revisions.folderOf(serviceId, revisionId);
  const buildpack = await unpackOnce(parts, call, folder);
  await assertNeeds(buildpack, cleanEnvironment(NOBODY, {}).PATH ?? "");
  await assertNoCarriageReturn(configuration.start, join(folder, "app"));
  await setUp(parts, call, buildpack);
  await revisions.finish({
    serviceId,
    revisionId,
    revisionDigest,
    version,
    packageDigest: call.input.package.digest,
    buildpackDigest: call.input.buildpack.digest,
    buildpack,
    configuration,
    names,
    stagedAt: new Date().toISOString(),
  });
  await retention.collect(serviceId, revisionId);
  return { facts: { reused: false } };
};

const NOBODY = { name: "EVENKEEL_SCRIPT", value: "" } as const;

/** An earlier agent's `setup` may still be at work in the folder: what was unpacked for this command is not unpacked again. */
async function unpackOnce(
  parts: AgentParts,
  { command, input }: StageCall,
  folder: string,
): Promise<BuildpackDefinition> {
  const { objects } = parts;
  for (const object of [input.package, input.buildpack])
    if (!(await objects.has(object))) throw new CommandEnd("OBJECT_CORRUPT", { digest: object.digest });
  const done = join(folder, `unpacked-${command.commandId}`);
  const isDone = await access(done).then(
    () => true,
    () => false,
  );
  if (!isDone) {
    await rm(folder, { recursive: true, force: true });
    await unpack(objects.pathOf(input.package.digest), join(folder, "app"));
  }
  const definition = await unpackBuildpack(objects.pathOf(input.buildpack.digest), join(folder, "buildpack"));
  await makeFolder(folder);
  await writeDurable(done, "");
  return definition;
}

async function setUp(parts: AgentParts, call: StageCall, buildpack: BuildpackDefinition): Promise<void> {
  const { serviceId, revisionId, configuration } = call.input;
  const folder = parts.revisions.folderOf(serviceId, revisionId);
  const appFolder = join(folder, "app");
  await runAction(parts, call, {
    name: "setup",
    buildpack,
    pathOf: (script) => join(folder, "buildpack", script),
    workFolder: appFolder,
    env: { ...configuration.env, APP_DIR: appFolder, REVISION: revisionId },
  });
}
