// What belongs to all – prototypes and functions of the language, exports of Node's modules – is remembered as it was, and compared after code of a
// module has run. Freezing it instead would break bases whose own libraries write there.
import { EventEmitter } from "node:events";
import type { AppliedPatch, Owner } from "./owner.ts";

interface Counting {
  add(kind: string, name: string): void;
}

interface Watched {
  readonly path: string;
  readonly on: object;
  readonly properties: Map<PropertyKey, PropertyDescriptor>;
  /** Those that are looked at; of a function only what is hung onto it, since there are many. */
  readonly keys: "all" | "added" | readonly PropertyKey[];
}

const watched = new Map<object, Watched>();

const iteratorPrototype: object = Object.getPrototypeOf(Object.getPrototypeOf([][Symbol.iterator]()));
const typedArray: object = Object.getPrototypeOf(Uint8Array);

const LANGUAGE: readonly (readonly [string, object])[] = [
  ...[Object, Function, Array, String, Number, Boolean, Symbol, BigInt, Date, RegExp, Promise, Map, Set].map(named),
  ...[WeakMap, WeakSet, WeakRef, ArrayBuffer, DataView, Error, TypeError, RangeError, SyntaxError].map(named),
  ...[URL, Buffer, EventEmitter, EventTarget, AbortSignal, Response, Request, Headers].map(named),
  ["TypedArray", typedArray],
  ["Iterator.prototype", iteratorPrototype],
  ["JSON", JSON],
  ["Math", Math],
  ["Reflect", Reflect],
];

function named(thing: { readonly name: string } & object): readonly [string, object] {
  return [thing.name, thing];
}

/** Remembers how things of the language are. */
export function watchLanguage(): void {
  for (const [path, thing] of LANGUAGE) {
    watchThing(path, thing);
    // Polyfills hang themselves onto what they would replace: `Object.keys.shim`.
    for (const [key, { value }] of Object.entries(Object.getOwnPropertyDescriptors(thing)))
      if (typeof value === "function" && key !== "constructor") watchOne(`${path}.${key}`, value, "added");
  }
  // Streams alter all the time, but for what everybody calls of them.
  for (const name of ["stdout", "stderr"] as const) watchOne(`process.${name}`, process[name], ["write", "end"]);
}

/** Remembers how the exports of a module of Node are, and the classes among them. */
export function watchBuiltin(name: string, exported: unknown): void {
  if (typeof exported !== "object" && typeof exported !== "function") return;
  if (exported === null || watched.has(exported)) return;
  watchThing(name, exported);
  for (const key of Object.keys(exported)) {
    const descriptor = Object.getOwnPropertyDescriptor(exported, key);
    if (typeof descriptor?.value === "function" && /^[A-Z]/.test(key)) watchThing(`${name}.${key}`, descriptor.value);
  }
}

function watchThing(path: string, thing: object): void {
  watchOne(path, thing);
  const prototype: unknown = typeof thing === "function" ? thing.prototype : undefined;
  if (typeof prototype === "object" && prototype !== null) watchOne(`${path}.prototype`, prototype);
}

function watchOne(path: string, on: object, only: Watched["keys"] = "all"): void {
  if (watched.has(on)) return;
  const properties = new Map<PropertyKey, PropertyDescriptor>();
  for (const key of keysOf(on, only)) {
    const descriptor = Object.getOwnPropertyDescriptor(on, key);
    if (descriptor) properties.set(key, descriptor);
  }
  watched.set(on, { path, on, properties, keys: only });
}

const keysOf = (on: object, only: Watched["keys"]): readonly PropertyKey[] =>
  typeof only === "string" ? Reflect.ownKeys(on) : only.filter((key) => Object.hasOwn(on, key));

/** Gives what has changed since the last look to the owner whose code has just run. */
export function attributePatches(owner: Owner): readonly AppliedPatch[] {
  const found = newPatches();
  owner.patches.push(...found);
  return found;
}

function newPatches(): AppliedPatch[] {
  const found: AppliedPatch[] = [];
  for (const thing of watched.values()) lookAt(thing, found);
  return found;
}

function lookAt({ path, on, properties, keys: only }: Watched, found: AppliedPatch[]): void {
  const keys = keysOf(on, only);
  if (only === "added" && keys.length === properties.size) return;
  for (const key of keys) {
    const now = Object.getOwnPropertyDescriptor(on, key);
    const before = properties.get(key);
    if (now === undefined || (before && alike(before, now))) continue;
    found.push({ path: `${path}.${String(key)}`, on, key, before, after: now });
    properties.set(key, now);
  }
  if (properties.size <= keys.length) return;
  for (const [key, before] of properties) {
    if (Object.hasOwn(on, key)) continue;
    found.push({ path: `${path}.${String(key)}`, on, key, before, after: undefined });
    properties.delete(key);
  }
}

function alike(one: PropertyDescriptor | undefined, other: PropertyDescriptor | undefined): boolean {
  return Object.is(one?.value, other?.value) && one?.get === other?.get && one?.set === other?.set;
}

/** Puts back what stood there; a later patch of another owner stays, and goes back to what stood before this one. */
export function takeBackPatches(owner: Owner, closed: Counting, left: Counting): void {
  for (const { path } of newPatches()) left.add("patch of unknown origin", path);
  for (const patch of owner.patches.splice(0).reverse()) {
    const { on, key, before, after, path } = patch;
    const now = Object.getOwnPropertyDescriptor(on, key);
    const undone = alike(now, after) && putBack(on, key, before);
    if (undone) {
      const properties = watched.get(on)?.properties;
      if (before) properties?.set(key, before);
      else properties?.delete(key);
    }
    (undone ? closed : left).add("patch", path);
  }
}

function putBack(on: object, key: PropertyKey, before: PropertyDescriptor | undefined): boolean {
  return before === undefined ? Reflect.deleteProperty(on, key) : Reflect.defineProperty(on, key, before);
}
