// A base that speaks the Arklet HTTP API (SOFAArk, Koupleless), driven by the orders of our own. Not verified against a live one; what is tried is
// the API of our own base, which is a server of it.
//
// 1. The API pushes nothing: the base is looked at every LOOK_MS, and after each order.
// 2. Every order may come twice (an agent killed in mid-order takes it up again): what is there already is no failure, what has gone neither.
// 3. A version is replaced by install, switch, uninstall. Until the switch the old one serves; a failed install leaves it serving.
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import type { BaseInput, BaseOperation, BaseReport, BaseResult, ModuleReport } from "@evenkeel/contracts/base-protocol";
import { canonicalJson } from "@evenkeel/contracts/canonical";
import { z } from "zod";
import type { BaseLine } from "../base-line.ts";
import type { Wanted } from "../wanted-modules.ts";
import { readBizName } from "./biz-name.ts";
import { type Answered, askArklet, failed, refusal } from "./client.ts";
import { BizInfo, MasterBiz, reportOf } from "./report.ts";

const LOOK_MS = 3000;
/** A base that has not told what it holds within this time is treated as one that is away. */
const LOOK_LIMIT_MS = 60_000;

/** Where an application says in its environment that it is such a base. */
export const ARKLET_VARIABLE = "EVENKEEL_ARKLET_URL";
/** Every address of the loopback network is this machine: local hosts have one each. */
const LOOPBACK = /^(localhost|127(\.\d{1,3}){3})$/;

/** `{host}` in that variable is the address of the host, as in the start command; the process is told the same. */
export function placedEnvironment(
  env: Readonly<Record<string, string>>,
  host: string,
): Readonly<Record<string, string>> {
  const url = env[ARKLET_VARIABLE];
  return url === undefined ? env : { ...env, [ARKLET_VARIABLE]: url.replaceAll("{host}", host) };
}

/** The API knows no authentication: it is spoken to on the loopback alone. Null: this is no such address. */
export function arkletUrl(text: string): URL | null {
  const url = URL.parse(text);
  return url?.protocol === "http:" && LOOPBACK.test(url.hostname) && url.pathname === "/" ? url : null;
}

export interface ArkletLineOptions {
  readonly url: URL;
  readonly pid: number;
  /** Whether the process of this base is who listens there: another one must not get its orders. */
  isOurs(): boolean;
  wanted(): Wanted;
  readonly lookLimitMs?: number;
}

interface Biz {
  readonly name: string;
  readonly version: string;
}

interface Brought {
  /** Where its package lies. */
  readonly path: string;
  readonly there: ModuleReport | undefined;
}

type Asking<Operation extends BaseOperation> = (
  input: BaseInput<Operation>,
  signal: AbortSignal,
) => Promise<BaseResult<Operation>>;

export class ArkletLine implements BaseLine {
  readonly #options: ArkletLineOptions;
  readonly #since = new Date().toISOString();
  readonly #operations: { readonly [Operation in BaseOperation]?: Asking<Operation> } = {
    list: (_, signal) => this.#look(signal),
    install: (input, signal) => this.#install(input, signal),
    uninstall: (input, signal) => this.#uninstall(input, signal),
    activate: (input, signal) => this.#switch(input, signal),
    deactivate: (input, signal) => this.#standing("deactivate", input, signal),
    unpublish: async (input, signal) => ({ module: (await this.#standing("unpublish", input, signal)).module }),
    publish: (input, signal) => this.#publish(input, signal),
    clear: (_, signal) => this.#clear(signal),
    split: async ({ rules }) => (rules.length === 0 ? { rules } : unsupported("split of requests")),
    businesses: async ({ businesses }) => (businesses.length === 0 ? { businesses } : unsupported("process engine")),
  };

  constructor(options: ArkletLineOptions) {
    this.#options = options;
  }

  async opened(): Promise<void> {}

  async ask<Operation extends BaseOperation>(
    operation: Operation,
    input: BaseInput<Operation>,
    signal: AbortSignal,
  ): Promise<BaseResult<Operation>> {
    this.#refuseOthers();
    const asking = this.#operations[operation] as Asking<Operation> | undefined;
    return asking === undefined ? unsupported(operation) : await asking(input, signal);
  }

  async watch(hear: (report: BaseReport) => void, signal: AbortSignal): Promise<void> {
    let known = "";
    while (!signal.aborted) {
      this.#refuseOthers();
      const report = await this.#look(signal);
      const text = canonicalJson(report);
      if (text !== known) hear(report);
      known = text;
      await sleep(LOOK_MS, undefined, { signal, ref: false }).catch(() => undefined);
    }
  }

  #refuseOthers(): void {
    const { isOurs, url } = this.#options;
    if (!isOurs()) throw refusal("BASE_UNREACHABLE", { problem: `its process does not listen on ${url.host}` });
  }

  async #look(signal: AbortSignal): Promise<BaseReport> {
    const limitMs = this.#options.lookLimitMs ?? LOOK_LIMIT_MS;
    const limit = AbortSignal.timeout(limitMs);
    try {
      return await this.#tell(AbortSignal.any([signal, limit]));
    } catch (error) {
      if (!limit.aborted || signal.aborted) throw error;
      throw refusal("BASE_UNREACHABLE", { problem: `it has not told what it holds within ${limitMs / 1000} s` });
    }
  }

  async #tell(signal: AbortSignal): Promise<BaseReport> {
    const told = await this.#command("queryAllBiz", {}, signal);
    const all = z.array(BizInfo).safeParse(told.data);
    if (!all.success) throw failed("queryAllBiz", { ...told, message: "its list of biz is none" });
    const health = await this.#command("health", { type: "biz" }, signal);
    const { data } = z.object({ healthData: z.object({ masterBizInfo: MasterBiz }) }).safeParse(health.data);
    const { pid, wanted } = this.#options;
    const master = data?.healthData.masterBizInfo ?? {};
    return reportOf({ all: all.data, master, wanted: wanted(), pid, since: this.#since });
  }

  async #install(
    { bundle, activate, replace, publish }: BaseInput<"install">,
    signal: AbortSignal,
  ): Promise<BaseResult<"install">> {
    if (publish !== null && Object.keys(publish.tags).length > 0) return unsupported("tags of a publication");
    const beganAt = performance.now();
    const biz = await readBizName(bundle.path);
    const before = await this.#versionsOf(biz.name, signal);
    // Beside one that serves a version stands by; alone it would serve.
    if (!activate && !before.some(({ state }) => state === "active")) return unsupported("install without activation");
    const there = before.find(({ version }) => version === biz.version);
    const already = !(await this.#bring(biz, { path: bundle.path, there }, signal));
    const others = before.filter(({ version }) => version !== biz.version);
    if (replace || publish !== null) await this.#switchTo(biz, signal);
    if (replace) {
      for (const { version } of others) await this.#take({ name: biz.name, version }, signal);
    }
    const module = await this.#find(biz, signal);
    if (module.state === "broken") throw refusal(module.problem?.code ?? "ARKLET_FAILED", { ...module.problem?.facts });
    const totalMs = performance.now() - beganAt;
    const elapsed = { readMs: 0, loadMs: totalMs, activateMs: 0, totalMs };
    return { module, elapsed, cache: "absent", replaced: replace ? others.map(({ version }) => version) : [], already };
  }

  /** False: it is there already. */
  async #bring(biz: Biz, { path, there }: Brought, signal: AbortSignal): Promise<boolean> {
    if (there !== undefined && there.state !== "broken") return false;
    // The name of a broken one is taken until it has gone.
    if (there !== undefined) await this.#take(biz, signal);
    const { name, version } = biz;
    const body = { bizName: name, bizVersion: version, bizUrl: pathToFileURL(path).href };
    const answer = await this.#answer("installBiz", body, signal);
    if (!answer.isSuccess && answer.code !== "REPEAT_BIZ") throw failed("installBiz", answer);
    return true;
  }

  /** One that serves already is left alone: servers differ in what they say to a switch to itself. */
  async #switchTo(biz: Biz, signal: AbortSignal): Promise<void> {
    const { state } = await this.#find(biz, signal);
    if (state !== "active") await this.#command("switchBiz", bodyOf(biz), signal);
  }

  async #switch(biz: Biz, signal: AbortSignal): Promise<{ module: ModuleReport }> {
    await this.#switchTo(biz, signal);
    return { module: await this.#find(biz, signal) };
  }

  /** On its own the API ends nobody's serving; whoever stands by, because another was switched to, needs nothing more. */
  async #standing(operation: string, biz: Biz, signal: AbortSignal): Promise<BaseResult<"deactivate">> {
    const module = await this.#find(biz, signal);
    return module.state === "active" ? unsupported(operation) : { module, proof: PROOF };
  }

  async #publish({ name, version, tags }: BaseInput<"publish">, signal: AbortSignal) {
    if (Object.keys(tags).length > 0) return unsupported("tags of a publication");
    return await this.#switch({ name, version }, signal);
  }

  async #uninstall({ name, version }: BaseInput<"uninstall">, signal: AbortSignal): Promise<BaseResult<"uninstall">> {
    if (!(await this.#take({ name, version }, signal)))
      throw refusal("MODULE_ABSENT", { module: `${name}@${version}` });
    return { name, version, proof: PROOF } as BaseResult<"uninstall">;
  }

  async #clear(signal: AbortSignal): Promise<BaseResult<"clear">> {
    const uninstalled: BaseResult<"uninstall">[] = [];
    for (const { name, version } of (await this.#look(signal)).modules)
      uninstalled.push(await this.#uninstall({ operationId: "clear", name, version, prove: "handles" }, signal));
    return { uninstalled };
  }

  /** False: it was not there. */
  async #take(biz: Biz, signal: AbortSignal): Promise<boolean> {
    const answer = await this.#answer("uninstallBiz", bodyOf(biz), signal);
    if (!answer.isSuccess && answer.code !== "NOT_FOUND_BIZ") throw failed("uninstallBiz", answer);
    return answer.isSuccess;
  }

  async #versionsOf(name: string, signal: AbortSignal): Promise<ModuleReport[]> {
    return (await this.#look(signal)).modules.filter((module) => module.name === name);
  }

  async #find({ name, version }: Biz, signal: AbortSignal): Promise<ModuleReport> {
    const found = (await this.#versionsOf(name, signal)).find((module) => module.version === version);
    if (found === undefined) throw refusal("MODULE_ABSENT", { module: `${name}@${version}` });
    return found;
  }

  async #command(command: string, body: object, signal: AbortSignal): Promise<Answered> {
    const answer = await this.#answer(command, body, signal);
    if (!answer.isSuccess) throw failed(command, answer);
    return answer;
  }

  #answer(command: string, body: object, signal: AbortSignal): Promise<Answered> {
    return askArklet(this.#options.url, command, { body, signal });
  }
}

/** It tells nothing of what a version has opened. */
const PROOF = { closed: [], left: [], memory: "not-asked" as const, heldBy: [] };

const bodyOf = ({ name, version }: Biz) => ({ bizName: name, bizVersion: version });

function unsupported(operation: string): never {
  throw refusal("ARKLET_UNSUPPORTED", { operation });
}
