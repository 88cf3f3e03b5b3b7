import { PlatformError } from "@evenkeel/contracts/error";
import type { ModuleManifest, ServiceNeed } from "@evenkeel/contracts/module";
import satisfies from "semver/functions/satisfies.js";
import { Visits } from "../lifecycle/visit.ts";
import type { Service } from "../module-api.ts";
import type { Board, Published } from "../publication/board.ts";
import { fits, pick, questionOfCall } from "../publication/pick.ts";
import { makeReference, makeUnknown, methodsOf, type Reference, type Target, teach } from "./reference.ts";

/** Who asked for a reference. */
export interface Caller {
  /** Name of the module; undefined: the base. */
  readonly name: string | undefined;
}

interface Bound {
  readonly service: string;
  readonly need: ServiceNeed;
  readonly caller: Caller;
  readonly reference: Reference;
  /** What it has; those of a provider that has left stay, and say so. */
  methods: readonly string[];
  /** Providers whose methods are among them. */
  readonly seen: WeakSet<object>;
}

/** Services of base and modules, and the references to them. */
export class ServiceRegistry {
  readonly #board: Board;
  /** Of each caller, by what it asked for: whoever asks at every call gets the same reference, and no more of them are kept. */
  readonly #bound = new Map<Caller, Map<string, Bound>>();

  constructor(board: Board) {
    this.#board = board;
    board.onChange(() => this.#bindAll());
  }

  /** Refuses a module whose services are not there. */
  check({ name, version, needs }: ModuleManifest): void {
    for (const [service, need] of Object.entries(needs.services)) {
      if (!need.optional && this.#candidates(service, need).length === 0)
        throw new PlatformError("SERVICE_MISSING", { module: `${name}@${version}`, service, range: need.version });
    }
  }

  /** A reference to a service; it is bound anew whenever publications or rules change, until its caller leaves. */
  refer(caller: Caller, service: string, need: ServiceNeed): object {
    const its = this.#bound.get(caller) ?? new Map<string, Bound>();
    const key = JSON.stringify([service, need]);
    const known = its.get(key);
    if (known !== undefined) return known.reference;
    const bound: Bound = {
      ...{ service, need, caller, methods: [], seen: new WeakSet() },
      reference: makeUnknown(service, absent(service, need)),
    };
    this.#bound.set(caller, its.set(key, bound));
    this.#bind(bound);
    return bound.reference;
  }

  /** Forgets the references of a caller that has left. */
  forget(caller: Caller): void {
    for (const bound of this.#bound.get(caller)?.values() ?? [])
      bound.reference.target = absent(bound.service, bound.need);
    this.#bound.delete(caller);
  }

  #candidates(service: string, { version, tags }: ServiceNeed): readonly Published<Target>[] {
    return this.#board
      .candidates<Target>("service", service)
      .filter((each) => satisfies(each.version, version, { includePrerelease: true }) && fits(each, { tags }));
  }

  #bindAll(): void {
    for (const its of this.#bound.values()) for (const bound of its.values()) this.#bind(bound);
  }

  #bind(bound: Bound): void {
    const { service, need, caller, reference } = bound;
    const candidates = this.#candidates(service, need);
    const [newest] = candidates;
    learn(bound, candidates);
    if (newest === undefined) reference.target = absent(service, need);
    else if (this.#board.rulesOf("service", service).length === 0) reference.target = newest.value;
    else reference.target = this.#split(service, caller, candidates);
  }

  /** A target that chooses by the rules at each call. */
  #split(service: string, caller: Caller, candidates: readonly Published<Target>[]): Target {
    const rules = this.#board.rulesOf("service", service);
    const methods = [...new Set(candidates.flatMap(({ value }) => methodsOf(value.impl)))].sort();
    const fixed = new Map(candidates.map((each) => [each, makeReference(service, methods, each.value)]));
    const impl: Service = {};
    for (const method of methods) {
      impl[method] = (...args: unknown[]) => {
        const question = questionOfCall(caller.name, args);
        const chosen = pick({ rules, candidates, question, chance: Math.random }) ?? candidates[0];
        return (fixed.get(chosen as Published<Target>) as unknown as Service)[method]?.(...args);
      };
    }
    return { impl, visits: new Visits() };
  }
}

function absent(service: string, { version }: ServiceNeed): Target {
  const impl = new Proxy<Service>(
    {},
    {
      get: () => () => {
        throw new PlatformError("SERVICE_ABSENT", { service, range: version });
      },
    },
  );
  return { impl, visits: new Visits() };
}

function learn(bound: Bound, candidates: readonly Published<Target>[]): void {
  const fresh = candidates.map(({ value }) => value.impl).filter((impl) => !bound.seen.has(impl));
  if (fresh.length === 0) return;
  for (const impl of fresh) bound.seen.add(impl);
  const methods = [...new Set([...bound.methods, ...fresh.flatMap(methodsOf)])].sort();
  if (methods.length === bound.methods.length) return;
  bound.methods = methods;
  teach(bound.reference, bound.service, methods);
}
