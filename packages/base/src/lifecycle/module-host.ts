// The modules of one base, and what is done with them.
//
// 1. A new version is active before anything of the old one is taken away; both exchanges of publications are one assignment (Board.exchange).
// 2. A version that fails to activate changes nothing for those that serve.
// 3. Whoever leaves is withdrawn first, then drained, then asked to shut down, then closed by force, then forgotten.
// 4. There is nothing on disk: a base that is killed at any point starts empty, and whoever drives it installs again.
import { setTimeout as sleep } from "node:timers/promises";
import type { BaseInput, BaseResult, ModuleOrigin, Proof } from "@evenkeel/contracts/base-protocol";
import { PlatformError } from "@evenkeel/contracts/error";
import type { ModuleManifest } from "@evenkeel/contracts/module";
import type { Bundle } from "../bundle/format.ts";
import { readBundle } from "../bundle/read.ts";
import { sentenceOf, wrapped } from "../failure.ts";
import { checkLibraries } from "../inline/require.ts";
import type { Board } from "../publication/board.ts";
import type { ServiceRegistry } from "../service/registry.ts";
import { publicationsOf } from "./entrance.ts";
import { cutInHand, endInHand, hangUp } from "./in-hand.ts";
import { ModuleInstance } from "./module-instance.ts";
import { Operations } from "./operations.ts";
import type { Runtime } from "./runtime.ts";
import { Visits } from "./visit.ts";

/** What the verbs stand on. */
export interface HostGround {
  readonly board: Board;
  readonly services: ServiceRegistry;
  readonly libraryVersions: Readonly<Record<string, string>>;
  /** Loads a bundle as its isolation says. */
  load(bundle: Bundle, instance: ModuleInstance): Runtime | Promise<Runtime>;
  /** Whether the code is gone from memory, and if not, what holds it. */
  proveMemory(instance: ModuleInstance, trace: WeakRef<object>): Promise<Pick<Proof, "memory" | "heldBy">>;
  /** Why a module could not be brought to life, where others know it better than what was thrown. */
  reasonOf(instance: ModuleInstance, error: unknown): Promise<unknown>;
  /** Something has altered. */
  altered(): void;
}

interface Opened {
  readonly instance: ModuleInstance;
  readonly bundle: Bundle;
  /** Services that it needs may be absent. */
  readonly unmet?: boolean | undefined;
}

const NOTHING: Proof = { closed: [], left: [], memory: "not-asked", heldBy: [] };

export class ModuleHost {
  readonly #ground: HostGround;
  readonly #instances = new Map<string, ModuleInstance>();
  readonly #operations = new Operations();
  readonly #leaving = new Set<Promise<unknown>>();
  #order = 0;

  constructor(ground: HostGround) {
    this.#ground = ground;
  }

  get instances(): readonly ModuleInstance[] {
    return [...this.#instances.values()];
  }

  find(name: string, version: string): ModuleInstance {
    const found = this.#instances.get(`${name}@${version}`);
    if (found === undefined) throw new PlatformError("MODULE_ABSENT", { module: `${name}@${version}` });
    return found;
  }

  async install(input: BaseInput<"install">, origin: ModuleOrigin): Promise<BaseResult<"install">> {
    const known = this.#operations.known<BaseResult<"install">>(input.operationId);
    if (known !== undefined) return await known;
    const beganAt = performance.now();
    const bundle = await readBundle(input.bundle.path, input.bundle.digest);
    const readMs = performance.now() - beganAt;
    const { name } = bundle.facts.manifest;
    return await this.#operations.perform({
      id: input.operationId,
      verb: "install",
      module: name,
      run: async () => {
        const { instance, already } = this.#register(bundle, input, origin);
        const activeAt = performance.now();
        if (input.activate && instance.state !== "active")
          await this.#activate({ instance, bundle, unmet: input.unmet });
        const activateMs = performance.now() - activeAt;
        const replaced = input.activate ? this.#takeOver(instance, input) : [];
        this.#ground.altered();
        const loadMs = already ? 0 : (instance.runtime?.loadMs ?? 0);
        const elapsed = { readMs, loadMs, activateMs, totalMs: performance.now() - beganAt };
        return { module: instance.report(), elapsed, cache: instance.runtime?.cache ?? "absent", replaced, already };
      },
    });
  }

  #register({ facts: { manifest } }: Bundle, { bundle }: BaseInput<"install">, origin: ModuleOrigin) {
    const key = `${manifest.name}@${manifest.version}`;
    const known = this.#instances.get(key);
    if (known && known.digest !== bundle.digest && known.state !== "broken")
      throw new PlatformError("MODULE_VERSION_TAKEN", { module: key, found: known.digest });
    if (known && known.state !== "broken") return { instance: known, already: known.state === "active" };
    checkLibraries(manifest, this.#ground.libraryVersions);
    this.#checkTaken(manifest);
    const instance = new ModuleInstance({ manifest, digest: bundle.digest, path: bundle.path, origin });
    this.#instances.set(key, instance);
    return { instance, already: false };
  }

  // Two versions of a module may offer the same name, two modules may not: nobody could say which one answers.
  #checkTaken({ name, provides }: ModuleManifest): void {
    const isForeign = (each: ModuleInstance): boolean => each.name !== name && each.state !== "broken";
    const wanted = new Set(namesOf(provides));
    for (const other of this.instances.filter(isForeign)) {
      const clash = namesOf(other.manifest.provides).find((each) => wanted.has(each));
      if (clash !== undefined) throw taken(clash, other.key);
    }
    const ofBase = this.#ground.board.all("service").filter(({ module }) => module === BASE_MODULE);
    const clash = ofBase.find((service) => wanted.has(`service ${service.name}`));
    if (clash) throw taken(`service ${clash.name}`, "the base");
  }

  async activate({ operationId, name, version }: BaseInput<"activate">): Promise<BaseResult<"activate">> {
    return await this.#operations.perform({
      id: operationId,
      verb: "activate",
      module: name,
      run: async () => {
        const instance = this.find(name, version);
        if (instance.state !== "active") {
          const bundle = await readBundle(instance.path, instance.digest);
          await this.#activate({ instance, bundle });
        }
        return this.#answer(instance);
      },
    });
  }

  async #activate({ instance, bundle, unmet = false }: Opened): Promise<void> {
    const { key: module, manifest } = instance;
    if (instance.state !== "resolved") throw wrongState(instance, "activate");
    instance.failure = null;
    instance.visits = new Visits();
    instance.become("activating");
    this.#ground.altered();
    try {
      if (!unmet) this.#ground.services.check(manifest);
      instance.runtime = await this.#load(bundle, instance);
      const active = instance.runtime.activate().catch((error: unknown) => {
        throw wrapped(error, "MODULE_ACTIVATION_FAILED", { module });
      });
      instance.offer = await within(active, manifest.activateSeconds, () => {
        return new PlatformError("MODULE_ACTIVATION_TIMEOUT", { module, seconds: manifest.activateSeconds });
      });
      instance.become("active");
    } catch (error) {
      const reason = await this.#ground.reasonOf(instance, error);
      await this.#letGo(instance);
      instance.break(reason);
      this.#ground.altered();
      throw reason;
    }
  }

  async #load(bundle: Bundle, instance: ModuleInstance): Promise<Runtime> {
    try {
      return await this.#ground.load(bundle, instance);
    } catch (error) {
      throw wrapped(error, "MODULE_LOAD_FAILED", { module: instance.key });
    }
  }

  /** Publishes the new version as asked, and sees the others off where it replaces them. */
  #takeOver(instance: ModuleInstance, { replace, publish }: BaseInput<"install">): string[] {
    const isOther = (each: ModuleInstance): boolean =>
      each.name === instance.name && each !== instance && each.state !== "draining";
    const others = replace ? this.instances.filter(isOther) : [];
    const served = others.find(({ publishedTags }) => publishedTags !== null);
    const tags = publish?.tags ?? served?.publishedTags ?? instance.publishedTags;
    if (tags !== null) instance.publishedTags = tags;
    const leaving = new Set([instance.key, ...others.map(({ key }) => key)]);
    this.#ground.board.exchange(leaving, tags === null ? [] : this.#newest(instance));
    for (const other of others) {
      other.publishedTags = null;
      this.#inBackground(this.#leave(other, "handles", LEISURE_MS));
    }
    return others.map(({ manifest }) => manifest.version);
  }

  /** What it publishes comes before all others, and it is told of last: in this order a new process has to publish them. */
  #newest(instance: ModuleInstance): ReturnType<typeof publicationsOf> {
    this.#instances.delete(instance.key);
    this.#instances.set(instance.key, instance);
    return publicationsOf(instance, ++this.#order);
  }

  // The answer does not wait for the old version: it drains for as long as its requests last. Its fate is in the report.
  #inBackground(work: Promise<unknown>): void {
    const noted = work.catch(() => undefined).finally(() => this.#leaving.delete(noted));
    this.#leaving.add(noted);
  }

  async publish({ operationId, name, version, tags }: BaseInput<"publish">): Promise<BaseResult<"publish">> {
    return await this.#operations.perform({
      id: operationId,
      verb: "publish",
      module: name,
      run: () => {
        const instance = this.find(name, version);
        if (instance.state !== "active") throw wrongState(instance, "publish");
        instance.publishedTags = tags;
        this.#ground.board.exchange(new Set([instance.key]), this.#newest(instance));
        return Promise.resolve(this.#answer(instance));
      },
    });
  }

  async unpublish({ operationId, name, version }: BaseInput<"unpublish">): Promise<BaseResult<"unpublish">> {
    return await this.#operations.perform({
      id: operationId,
      verb: "unpublish",
      module: name,
      run: () => {
        const instance = this.find(name, version);
        this.withdraw(instance);
        return Promise.resolve(this.#answer(instance));
      },
    });
  }

  /** Takes away what a module has published; requests in flight end on it. */
  withdraw(instance: ModuleInstance): void {
    instance.publishedTags = null;
    this.#ground.board.exchange(new Set([instance.key]), []);
    this.#ground.altered();
  }

  /** Withdraws a module at once and lets go of it without waiting for what is in flight: it is over a limit, blocks or crashes. */
  eject(instance: ModuleInstance, error: unknown): void {
    if (instance.state === "draining" || instance.state === "broken") return;
    this.withdraw(instance);
    instance.break(error);
    instance.log.add("stderr", `ejected: ${sentenceOf(error)}`);
    // Nobody else would answer these: what ran for them was cut.
    const ended = endInHand(instance, error);
    this.#inBackground(ended.then(() => this.#letGo(instance, EJECTED_SHUTDOWN_SECONDS)));
    this.#ground.altered();
  }

  /** Fails what these modules have in hand: the code that would have answered was torn off the stack, and which request it was for nobody knows. */
  failInHand(modules: readonly string[], error: unknown): void {
    for (const instance of this.instances) if (modules.includes(instance.key)) void endInHand(instance, error);
  }

  async deactivate({ operationId, name, version }: BaseInput<"deactivate">): Promise<BaseResult<"deactivate">> {
    return await this.#operations.perform({
      id: operationId,
      verb: "deactivate",
      module: name,
      run: async () => {
        const instance = this.find(name, version);
        const proof = instance.state === "resolved" ? NOTHING : await this.#seeOff(instance, "handles");
        if (instance.state !== "broken") instance.become("resolved");
        return { ...this.#answer(instance), proof };
      },
    });
  }

  async uninstall({ operationId, name, version, prove }: BaseInput<"uninstall">): Promise<BaseResult<"uninstall">> {
    return await this.#operations.perform({
      id: operationId,
      verb: "uninstall",
      module: name,
      run: async () => ({ name, version, proof: await this.#leave(this.find(name, version), prove) }),
    });
  }

  async clear({ operationId }: BaseInput<"clear">): Promise<BaseResult<"clear">> {
    return await this.#operations.perform({
      id: operationId,
      verb: "clear",
      module: null,
      run: async () => {
        const staying = this.instances.filter(({ state }) => state !== "draining");
        const proofs = staying.map(async (instance) => {
          const proof = await this.#leave(instance, "handles");
          return { name: instance.name, version: instance.manifest.version, proof };
        });
        const uninstalled = await Promise.all(proofs);
        // Those that were replaced a moment ago may still have requests in hand.
        await Promise.all(this.#leaving);
        return { uninstalled };
      },
    });
  }

  async #leave(instance: ModuleInstance, prove: "handles" | "memory", leisureMs = 0): Promise<Proof> {
    const proof = await this.#seeOff(instance, prove, leisureMs);
    instance.become("uninstalled");
    this.#instances.delete(instance.key);
    this.#ground.altered();
    return proof;
  }

  /** Invariant 3. */
  async #seeOff(instance: ModuleInstance, prove: "handles" | "memory", leisureMs = 0): Promise<Proof> {
    if (instance.state === "draining") throw wrongState(instance, "uninstall");
    this.withdraw(instance);
    if (instance.state === "active") instance.become("draining");
    this.#ground.altered();
    const late = await instance.visits.drained(instance.manifest.drainSeconds * 1000);
    if (late > 0) await cutInHand(instance, late);
    if (leisureMs > 0) await sleep(leisureMs);
    const trace = instance.runtime?.trace;
    const disposal = await this.#letGo(instance);
    const memory = prove === "memory" && trace ? await this.#ground.proveMemory(instance, trace) : null;
    return { ...NOTHING, ...disposal, ...memory };
  }

  async #letGo(instance: ModuleInstance, seconds = SHUTDOWN_SECONDS): Promise<Pick<Proof, "closed" | "left">> {
    const { runtime } = instance;
    instance.runtime = null;
    instance.offer = null;
    this.#ground.services.forget(instance);
    if (runtime === null) return { closed: [], left: [] };
    const hooks = within(runtime.shutdown(), seconds, () => new Error(`not done after ${seconds} s`));
    const failed = await hooks.then(
      () => [],
      (error: unknown) => [{ kind: "shutdown hook", name: sentenceOf(error), count: 1 }],
    );
    const { closed, left } = await runtime.dispose();
    return { closed: [...closed], left: [...left, ...failed] };
  }

  #answer(instance: ModuleInstance): { module: ReturnType<ModuleInstance["report"]> } {
    this.#ground.altered();
    return { module: instance.report() };
  }

  /** Sees everybody off, and waits for those who are leaving already. Connections end at once: no version of the process will go on with them. */
  async close(): Promise<void> {
    const left = this.instances.map(async (instance) => {
      const leaving = instance.state === "draining" ? undefined : this.#leave(instance, "handles");
      void hangUp(instance, new PlatformError("MODULE_LEAVING", { module: instance.key }));
      await leaving;
    });
    await Promise.all([...left, ...this.#leaving]);
  }
}

/** Stands for the base among those who publish. */
export const BASE_MODULE = "";
const SHUTDOWN_SECONDS = 10;
/** Until then it goes on with what it was ejected for. */
const EJECTED_SHUTDOWN_SECONDS = 0.5;
/** What was replaced is closed and let go of when the first requests of its successor are answered. */
const LEISURE_MS = 10;

/** Names that one module alone may offer. */
const namesOf = ({ services, routes }: ModuleManifest["provides"]): string[] => [
  ...services.map((name) => `service ${name}`),
  ...routes.map(({ path }) => `route ${path}`),
];

const taken = (name: string, holder: string): PlatformError => new PlatformError("SERVICE_TAKEN", { name, holder });

const wrongState = ({ key, state }: ModuleInstance, operation: string): PlatformError =>
  new PlatformError("MODULE_STATE_WRONG", { module: key, state, operation });

async function within<Result>(work: Promise<Result>, seconds: number, late: () => Error): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(late()), seconds * 1000);
  });
  // Whoever is late may still fail: nobody hears it any more.
  work.catch(() => undefined);
  return await Promise.race([work, deadline]).finally(() => clearTimeout(timer));
}
