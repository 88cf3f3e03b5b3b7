import { access, rm } from "node:fs/promises";
import { join } from "node:path";
import type { BuildpackDefinition } from "@evenkeel/contracts/buildpack";
import { makeFolder, writeDurable } from "@evenkeel/kit/durable-file";
import { type AgentParts, type Call, CommandEnd, describeExit, type Handler } from "../command.ts";
import { cleanEnvironment } from "../environment.ts";
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

async function setUp(
  parts: AgentParts,
  { command, input, context }: StageCall,
  buildpack: BuildpackDefinition,
): Promise<void> {
  const { setup } = buildpack.lifecycle;
  if (setup === undefined) return;
  const folder = parts.revisions.folderOf(input.serviceId, input.revisionId);
  const end = await parts.scripts.run(
    {
      id: `${command.commandId}-setup`,
      command: [join(folder, "buildpack", setup)],
      workFolder: join(folder, "app"),
      env: { ...input.configuration.env, APP_DIR: join(folder, "app"), REVISION: input.revisionId },
    },
    { signal: context.signal, onOutput: context.output },
  );
  const { output } = end;
  if (end.kind === "timed-out")
    throw new CommandEnd(
      "SCRIPT_TIMEOUT",
      { command: setup, seconds: command.deadlineMs / 1000 },
      { kind: "timed-out", output },
    );
  if (end.kind === "lost")
    throw new CommandEnd("STEP_INTERRUPTED", { problem: `${setup} was cut off` }, { kind: "interrupted", output });
  if (end.exitCode === 0) return;
  const facts = { command: setup, exit: describeExit(end.exitCode) };
  throw new CommandEnd("SCRIPT_FAILED", facts, { output, exitCode: end.exitCode });
}
