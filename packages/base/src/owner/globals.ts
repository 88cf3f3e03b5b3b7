import type { Owner } from "./owner.ts";

interface Counting {
  add(kind: string, name: string): void;
}

/** The global object as a module sees it: what it writes there is noted, with what stood there before. */
export function globalView(owner: Owner, own: Readonly<Record<string, unknown>>): typeof globalThis {
  const note = (key: PropertyKey): void => {
    if (!owner.globals.has(key)) owner.globals.set(key, Object.getOwnPropertyDescriptor(globalThis, key));
    known.add(key);
  };
  const view: typeof globalThis = new Proxy(globalThis, {
    get(target, key) {
      if (key === "globalThis" || key === "global") return view;
      if (typeof key === "string" && Object.hasOwn(own, key)) return own[key];
      // Getters such as that of `crypto` refuse any receiver but the true one.
      return Reflect.get(target, key, target);
    },
    set(target, key, value) {
      note(key);
      return Reflect.set(target, key, value, target);
    },
    defineProperty(target, key, descriptor) {
      note(key);
      return Reflect.defineProperty(target, key, descriptor);
    },
    deleteProperty(target, key) {
      note(key);
      return Reflect.deleteProperty(target, key);
    },
  });
  return view;
}

// Names that stood in the global object when the first module came, and those whose writer is known.
const known = new Set<PropertyKey>();

/** Takes what stands in the global object now as the base's. */
export function knowGlobals(): void {
  for (const key of Reflect.ownKeys(globalThis)) known.add(key);
}

/** Gives names that have come past every view (an assignment to an undeclared name) to the owner whose code has just run. */
export function attributeGlobals(owner: Owner): void {
  for (const key of newGlobals()) owner.globals.set(key, undefined);
}

function newGlobals(): PropertyKey[] {
  const found = Reflect.ownKeys(globalThis).filter((key) => !known.has(key));
  for (const key of found) known.add(key);
  return found;
}

export function takeBackGlobals(owner: Owner, closed: Counting, left: Counting): void {
  // Nobody knows who wrote these: they may be the base's, so they are named and stay.
  for (const key of newGlobals()) left.add("global of unknown origin", String(key));
  for (const [key, before] of owner.globals) {
    const done =
      before === undefined ? Reflect.deleteProperty(globalThis, key) : Reflect.defineProperty(globalThis, key, before);
    if (done && before === undefined) known.delete(key);
    (done ? closed : left).add("global", String(key));
  }
  owner.globals.clear();
}
