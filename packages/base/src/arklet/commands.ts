// The commands of Arklet (`modules.md` of the field calls them `<verb>Biz`), in terms of the operations of the base.
import { randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { rm, stat, writeFile } from "node:fs/promises";
import { availableParallelism, freemem, totalmem } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { BaseInput, BaseOperation, BaseReport, BaseResult, ModuleOrigin } from "@evenkeel/contracts/base-protocol";
import { PlatformError } from "@evenkeel/contracts/error";
import { BUNDLE_LIMIT_BYTES, type ModuleManifest, providersFirst } from "@evenkeel/contracts/module";
import { z } from "zod";
import { digestOf, unpackBundle } from "../bundle/format.ts";
import { sentenceOf } from "../failure.ts";
import { bizInfoOf } from "./biz.ts";

/** What the commands need of the base. */
export interface ArkletGround {
  readonly folder: string;
  perform<Operation extends BaseOperation>(
    operation: Operation,
    input: BaseInput<Operation>,
    origin: ModuleOrigin,
  ): Promise<BaseResult<Operation>>;
  report(): BaseReport;
}

/** What a command answers; FAILED and SUCCESS are both answers. */
export interface Answered {
  readonly code: "SUCCESS" | "FAILED";
  readonly message?: string;
  readonly data?: unknown;
}

const text = z.string().optional();
const Install = z.object({
  bizUrl: z.string({ error: "bizUrl should not be blank" }).min(1, "bizUrl should not be blank"),
  bizName: text,
  bizVersion: text,
  installStrategy: z.enum(["installOnly", "uninstallThenInstall"]).default("installOnly"),
});
const One = z.object({
  bizName: z.string({ error: "bizName should not be blank" }).min(1, "bizName should not be blank"),
  bizVersion: z.string({ error: "bizVersion should not be blank" }).min(1, "bizVersion should not be blank"),
});
const Batch = z.object({ bizList: z.array(z.unknown(), { error: "bizList should not be empty" }).min(1) });
const Health = z.object({ type: text, bizName: text, bizVersion: text });

type Command = (ground: ArkletGround, body: unknown) => Promise<Answered>;

export const COMMANDS: Readonly<Record<string, { readonly desc: string; readonly run: Command }>> = {
  installBiz: { desc: "install one ark biz", run: installBiz },
  batchInstallBiz: { desc: "install several ark biz", run: batchInstallBiz },
  uninstallBiz: { desc: "uninstall one ark biz", run: uninstallBiz },
  switchBiz: { desc: "switch one ark biz", run: switchBiz },
  queryAllBiz: {
    desc: "query all ark biz",
    run: (ground) => Promise.resolve({ code: "SUCCESS", data: ground.report().modules.map(bizInfoOf) }),
  },
  health: { desc: "get health info", run: health },
};

/** An order to install, and what its address holds. */
interface Brought {
  readonly asked: z.infer<typeof Install>;
  readonly bytes: Buffer;
  readonly manifest: ModuleManifest;
}

async function bring(body: unknown): Promise<Brought> {
  const asked = Install.parse(body);
  const bytes = await bringBundle(asked.bizUrl);
  return { asked, bytes, manifest: unpackBundle(bytes).facts.manifest };
}

async function installBiz(ground: ArkletGround, body: unknown): Promise<Answered> {
  return await installBrought(ground, await bring(body));
}

async function installBrought(ground: ArkletGround, { asked, bytes, manifest }: Brought): Promise<Answered> {
  const beganAt = performance.now();
  const usedBytes = process.memoryUsage().heapUsed;
  const { name, version } = manifest;
  if ((asked.bizName ?? name) !== name || (asked.bizVersion ?? version) !== version)
    return failed("FAILED", `the package is ${name}:${version}`, 0);
  const report = ground.report().modules.find((each) => each.name === name && each.version === version);
  if (report && report.state !== "broken")
    return failed("REPEAT_BIZ", `Biz: ${name}:${version} has been installed or registered.`, 0);
  const path = fileOf(ground, name, version);
  await writeFile(path, bytes);
  const replace = asked.installStrategy === "uninstallThenInstall";
  // There the first version of a name serves at once, a second one only after a switch.
  const serves = replace || !ground.report().modules.some((each) => each.name === name && each.published);
  const input = { operationId: randomUUID(), bundle: { path, digest: digestOf(bytes) }, activate: true, replace };
  const { module } = await ground.perform("install", { ...input, publish: serves ? { tags: {} } : null }, "arklet");
  const elapsedSpace = spaceSince(usedBytes);
  const tookMs = Math.round(performance.now() - beganAt);
  const message = `Install Biz: ${name}:${version} success, cost: ${tookMs} ms, started at: ${clock()}`;
  return { code: "SUCCESS", data: { code: "SUCCESS", message, elapsedSpace, bizInfos: [bizInfoOf(module)] } };
}

// There it is the growth of the metaspace in bytes; here that of the heap.
const spaceSince = (usedBytes: number): number => Math.max(0, process.memoryUsage().heapUsed - usedBytes);

const clock = (): string => new Date().toISOString().slice(11, 23).replace(".", ",");

const fileOf = ({ folder }: ArkletGround, name: string, version: string): string =>
  join(folder, `${name}-${version}.jar`);

function failed(code: string, message: string, elapsedSpace?: number): Answered {
  const verb = elapsedSpace === undefined ? "uninstall" : "install";
  const time = elapsedSpace === undefined ? {} : { elapsedSpace };
  return { code: "FAILED", message: `${verb} biz not success!`, data: { code, message, ...time } };
}

async function bringBundle(url: string): Promise<Buffer> {
  try {
    if (url.startsWith("file:")) return await readFileAt(fileURLToPath(url));
    const response = await fetch(url, { signal: AbortSignal.timeout(60_000) });
    if (!response.ok) throw new Error(`answered ${response.status}`);
    return await allOf(response.body ?? []);
  } catch (error) {
    throw new PlatformError("BUNDLE_UNREADABLE", { path: url, problem: sentenceOf(error) }, { cause: error });
  }
}

// A device or a pipe would be read for ever.
async function readFileAt(path: string): Promise<Buffer> {
  if (!(await stat(path)).isFile()) throw new Error("it is no file");
  return await allOf(createReadStream(path));
}

/** No more than a bundle may have: who answers does not say beforehand how much it is, or says it wrongly. */
async function allOf(source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of source) {
    size += chunk.length;
    if (size > BUNDLE_LIMIT_BYTES) throw new Error(`it has more than ${BUNDLE_LIMIT_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** All at once, but that who needs a service of another of them comes after it. */
async function batchInstallBiz(ground: ArkletGround, body: unknown): Promise<Answered> {
  const usedBytes = process.memoryUsage().heapUsed;
  const urls = Batch.parse(body).bizList.map((each) => [Install.parse(each).bizUrl, bring(each)] as const);
  const brought = (await Promise.allSettled(urls.map(([, one]) => one))).flatMap((one) =>
    one.status === "fulfilled" ? [one.value] : [],
  );
  const begun = new Map<Brought, Promise<Answered>>();
  for (const one of providersFirst(brought, ({ manifest }) => manifest)) {
    const needed = [...begun].filter(([{ manifest }]) => providesTo(manifest, one.manifest)).map(([, its]) => its);
    begun.set(
      one,
      Promise.allSettled(needed).then(() => installBrought(ground, one)),
    );
  }
  const answers = await Promise.all(
    urls.map(async ([url, one]) => {
      const answer = await one.then((its) => begun.get(its) as Promise<Answered>).catch(refused);
      return [url, answer.data as { code: string }] as const;
    }),
  );
  const code = answers.every(([, data]) => data.code === "SUCCESS") ? "SUCCESS" : "FAILED";
  const elapsedSpace = spaceSince(usedBytes);
  return {
    code,
    data: { code, message: `batch install ${code}`, bizUrlToResponse: Object.fromEntries(answers), elapsedSpace },
  };
}

const refused = (error: unknown): Answered => failed("FAILED", sentenceOf(error), 0);

const providesTo = ({ provides }: ModuleManifest, { needs }: ModuleManifest): boolean =>
  provides.services.some((service) => Object.hasOwn(needs.services, service));

async function uninstallBiz(ground: ArkletGround, body: unknown): Promise<Answered> {
  const { bizName: name, bizVersion: version } = One.parse(body);
  if (!find(ground, name, version)) return failed("NOT_FOUND_BIZ", `Uninstall biz: ${name}:${version} not found.`);
  await ground.perform("uninstall", { operationId: randomUUID(), name, version, prove: "handles" }, "arklet");
  await rm(fileOf(ground, name, version), { force: true });
  return { code: "SUCCESS", data: { code: "SUCCESS", message: `Uninstall biz: ${name}:${version} success.` } };
}

function find(ground: ArkletGround, name: string, version: string) {
  return ground.report().modules.find((each) => each.name === name && each.version === version);
}

async function switchBiz(ground: ArkletGround, body: unknown): Promise<Answered> {
  const { bizName: name, bizVersion: version } = One.parse(body);
  const wanted = find(ground, name, version);
  if (wanted?.state !== "active") {
    const code = wanted === undefined ? "NOT_FOUND_BIZ" : "ILLEGAL_STATE_BIZ";
    return { code: "FAILED", message: "switch biz not success!", data: { code, message: `${name}:${version}` } };
  }
  await ground.perform("publish", { operationId: randomUUID(), name, version, tags: {} }, "arklet");
  const others = ground
    .report()
    .modules.filter((each) => each.name === name && each.version !== version && each.published);
  for (const other of others)
    await ground.perform("unpublish", { operationId: randomUUID(), name, version: other.version }, "arklet");
  return { code: "SUCCESS", data: { code: "SUCCESS", message: `switch biz: ${name}:${version} success.` } };
}

async function health(ground: ArkletGround, body: unknown): Promise<Answered> {
  const { type = "", bizName, bizVersion } = Health.parse(body);
  const { description, modules } = ground.report();
  const found = modules.filter(
    (each) =>
      (bizName === undefined || each.name === bizName) && (bizVersion === undefined || each.version === bizVersion),
  );
  if (bizName !== undefined && found.length === 0) return { code: "FAILED", message: `can not find biz: ${bizName}` };
  const short = found.map((each) => {
    const { bizName: its, bizVersion: of, bizState, webContextPath } = bizInfoOf(each);
    return { bizName: its, bizVersion: of, bizState, ...(webContextPath && { webContextPath }) };
  });
  const master = {
    bizName: description.name,
    bizVersion: description.version,
    bizState: "ACTIVATED",
    webContextPath: "/",
  };
  const system = type === "" || type === "system" ? { cpu: cpu(), jvm: await heap(ground) } : {};
  const biz = bizName === undefined ? { bizListInfo: short } : { bizInfo: short[0] };
  const parts = { ...system, ...(type === "" || type === "biz" ? biz : {}) };
  const plugins = type === "" || type === "plugin" ? { pluginListInfo: [] } : {};
  const state = { masterBizHealth: { readinessState: "ACCEPTING_TRAFFIC" } };
  return { code: "SUCCESS", data: { healthData: { masterBizInfo: master, ...parts, ...plugins, ...state } } };
}

const cpu = () => ({ count: availableParallelism(), type: process.arch });

// Readers take the capacity of a base from the metaspace: here it is the heap.
async function heap(ground: ArkletGround) {
  const { heapUsedBytes, heapLimitBytes } = await ground.perform("statistics", {}, "arklet");
  const mega = (bytes: number): number => Math.round(bytes / 1024 ** 2);
  return {
    "java version": process.version,
    "java home": process.execPath,
    "run time(s)": Math.round(process.uptime()),
    ...{ "total memory(M)": mega(totalmem()), "max memory(M)": mega(totalmem()), "free memory(M)": mega(freemem()) },
    ...{ "used heap memory(M)": mega(heapUsedBytes), "max heap memory(M)": mega(heapLimitBytes) },
    ...{ "java used metaspace": heapUsedBytes, "java committed metaspace": heapUsedBytes },
    "java max metaspace": heapLimitBytes,
  };
}
