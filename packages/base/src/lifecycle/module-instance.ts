import type { ServerResponse } from "node:http";
import type { ModuleHealth, ModuleOrigin, ModuleReport } from "@evenkeel/contracts/base-protocol";
import { PlatformError, type Problem, problemOf } from "@evenkeel/contracts/error";
import type { Digest } from "@evenkeel/contracts/id";
import type { ModuleManifest, ModuleState, ModuleTags, ServiceNeed } from "@evenkeel/contracts/module";
import { sentenceOf } from "../failure.ts";
import { ModuleLog } from "../inline/module-log.ts";
import { Measures } from "../limit/measures.ts";
import type { Caller } from "../service/registry.ts";
import type { Connection } from "./connection.ts";
import type { Offer, Runtime } from "./runtime.ts";
import { Visits } from "./visit.ts";

interface Source {
  readonly manifest: ModuleManifest;
  readonly digest: Digest;
  readonly path: string;
  readonly origin: ModuleOrigin;
}

interface Failure {
  readonly problem: Problem;
  readonly stack: string | null;
}

let instances = 0;

/** One version of a module on this base. */
export class ModuleInstance implements Caller {
  readonly manifest: ModuleManifest;
  readonly digest: Digest;
  /** Where its bundle lies; it is read again when the module is activated anew. */
  readonly path: string;
  readonly key: string;
  /** Among all versions that this process has known; from 1. */
  readonly serial = ++instances;
  readonly log: ModuleLog;
  readonly measures = new Measures();
  origin: ModuleOrigin;
  state: ModuleState = "resolved";
  since = new Date().toISOString();
  visits = new Visits();
  runtime: Runtime | null = null;
  offer: Offer | null = null;
  /** Null: not published. */
  publishedTags: ModuleTags | null = null;
  health: ModuleHealth = { healthy: true, problem: null, since: this.since };
  failure: Failure | null = null;
  throttled = false;
  /** It held the loop and was interrupted; whose fault that was the watchdog tells in a moment, and nobody steps in before. */
  interrupted = false;
  /** Requests that it has in hand; answered for it when it is ejected. */
  readonly open = new Set<ServerResponse>();
  /** Connections that it has taken out of HTTP. */
  readonly connections = new Set<Connection>();

  constructor({ manifest, digest, path, origin }: Source) {
    this.manifest = manifest;
    this.digest = digest;
    this.path = path;
    this.origin = origin;
    this.key = `${manifest.name}@${manifest.version}`;
    this.log = new ModuleLog(this.key);
  }

  get name(): string {
    return this.manifest.name;
  }

  get tags(): ModuleTags {
    return { ...this.manifest.tags, ...this.publishedTags };
  }

  /** What its manifest says of a service that it asks for; it may ask for no other. */
  needOf(service: string): ServiceNeed {
    const need = this.manifest.needs.services[service];
    if (need === undefined) throw new PlatformError("SERVICE_MISSING", { module: this.key, service, range: "*" });
    return need;
  }

  become(state: ModuleState): void {
    this.state = state;
    this.since = new Date().toISOString();
  }

  break(error: unknown): void {
    this.failure = failureOf(this.key, error);
    this.become("broken");
  }

  judge(healthy: boolean, problem: Problem | null): void {
    if (this.health.healthy === healthy) return;
    this.health = { healthy, problem, since: new Date().toISOString() };
  }

  /** It threw where nobody could catch it. */
  fault(error: unknown): void {
    this.measures.errors += 1;
    this.measures.windowErrors += 1;
    this.log.add("stderr", error instanceof Error ? (error.stack ?? error.message) : sentenceOf(error));
  }

  /** What its code in this isolate writes, fails and takes. */
  ears() {
    const { serial, log, measures } = this;
    const busy = (ms: number): void => {
      measures.windowBusyMs += ms;
    };
    const interrupted = (): void => {
      this.interrupted = true;
    };
    return { serial, log, busy, interrupted, fault: (error: unknown) => this.fault(error) };
  }

  report(): ModuleReport {
    const { name, version, isolation, form, provides } = this.manifest;
    return {
      ...{ name, version, isolation, form, provides },
      digest: this.digest,
      state: this.state,
      published: this.publishedTags !== null,
      tags: this.tags,
      origin: this.origin,
      inFlight: this.visits.inFlight,
      health: this.health,
      problem: this.failure?.problem ?? null,
      stack: this.failure?.stack ?? null,
      since: this.since,
    };
  }
}

/** An error as the border shows it: ours as it is, any other as a failure of the module, with its stack. */
export function failureOf(module: string, error: unknown): Failure {
  if (error instanceof PlatformError) {
    const { stack } = error.cause instanceof Error ? error.cause : error;
    return { problem: problemOf(error.code, error.facts), stack: stack ?? null };
  }
  const stack = error instanceof Error ? (error.stack ?? null) : null;
  return { problem: problemOf("MODULE_FAILED", { module, problem: sentenceOf(error) }), stack };
}
