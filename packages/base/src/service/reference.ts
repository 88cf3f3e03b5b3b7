// What a caller holds instead of a service: an object whose target is exchanged in one assignment.
//
// 1. The target is read once, at entry: a call ends on the version that it began on.
// 2. A call is in flight as long as the promise that it has answered with. One that answers at once was never seen in flight by anybody else
//    on this thread, so it is not counted: raising and lowering a field would cost more than the rest of the reference.
// 3. One class per set of method names, so that calls stay as fast as those of any object (a Proxy would cost four times as much). Of a service that nobody
//    provides yet no names are known: its reference looks them up at each call, and is of such a class from its first provider on.
import { PlatformError } from "@evenkeel/contracts/platform-error";
import type { Visits } from "../lifecycle/visit.ts";
import type { Service } from "../module-api.ts";

/** What a reference leads to. */
export interface Target {
  readonly impl: Service;
  readonly visits: Visits;
}

/** A reference; its other properties are the methods of the service. */
export interface Reference {
  target: Target;
}

type ReferenceClass = new (target: Target) => Reference;

const classes = new Map<string, ReferenceClass>();
const NAME = /^[A-Za-z_$][\w$]*$/;
// These are how JavaScript itself asks an object what it is.
const NOT_METHODS = new Set(["constructor", "then", "target", "toJSON", "toString", "valueOf"]);

/** Names of the methods of a service, its prototypes' included. */
export function methodsOf(service: object): string[] {
  const found = new Set<string>();
  for (
    let here: object | null = service;
    here !== null && here !== Object.prototype;
    here = Object.getPrototypeOf(here)
  ) {
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(here)))
      if (typeof value === "function" && NAME.test(name) && !NOT_METHODS.has(name)) found.add(name);
  }
  return [...found].sort();
}

/** Makes a reference with these methods. */
export function makeReference(service: string, methods: readonly string[], target: Target): Reference {
  return new (classOf(service, methods))(target);
}

/** Makes a reference to a service of which nobody knows the methods yet. */
export function makeUnknown(service: string, target: Target): Reference {
  const lookedUp = new Proxy(Object.prototype, {
    get(known, key, reference: Reference) {
      if (typeof key !== "string" || !NAME.test(key) || NOT_METHODS.has(key)) return Reflect.get(known, key);
      return (...args: unknown[]) =>
        (makeReference(service, [key], reference.target) as unknown as Service)[key]?.(...args);
    },
  });
  return Object.assign(Object.create(lookedUp), { target }) as Reference;
}

/** From now on it has these methods, and no others. */
export function teach(reference: Reference, service: string, methods: readonly string[]): void {
  Object.setPrototypeOf(reference, classOf(service, methods).prototype as object);
}

function classOf(service: string, methods: readonly string[]): ReferenceClass {
  const key = `${service} ${methods.join(" ")}`;
  let known = classes.get(key);
  if (known === undefined) {
    known = makeClass(service, methods);
    // Few: one per interface. A base that meets ever new ones would otherwise keep them all.
    if (classes.size >= MOST_CLASSES) classes.clear();
    classes.set(key, known);
  }
  return known;
}

const MOST_CLASSES = 1000;

function makeClass(service: string, methods: readonly string[]): ReferenceClass {
  const bodies = methods.map(
    (name) => `${name}(...args) {
      const target = this.target;
      let result;
      try {
        result = target.impl.${name}(...args);
      } catch (error) {
        throw fail(target, "${name}", error);
      }
      return typeof result === "object" && result !== null && typeof result.then === "function" ? settle(target.visits, result) : result;
    }`,
  );
  const source = `return class Reference { constructor(target) { this.target = target; } ${bodies.join("\n")} }`;
  const fail = (target: Target, method: string, error: unknown): unknown => failed({ service, target, method, error });
  return new Function("fail", "settle", source)(fail, settled) as ReferenceClass;
}

function settled(visits: Visits, result: Promise<unknown>): Promise<unknown> {
  return visits.follow(result, (failed) => {
    if (failed) visits.errors += 1;
  });
}

interface Failed {
  readonly service: string;
  readonly target: Target;
  readonly method: string;
  readonly error: unknown;
}

function failed({ service, target: { impl, visits }, method, error }: Failed): unknown {
  visits.errors += 1;
  if (typeof impl[method] === "function") return error;
  return new PlatformError("SERVICE_METHOD_ABSENT", { service, version: "bound now", method }, { cause: error });
}
