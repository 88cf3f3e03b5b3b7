// Whose is what is opened in this process?
//
// 1. Code of a module runs in the asynchronous context of its owner; what it opens is seen by one init hook, whatever API it used.
// 2. An owner that has left keeps no reference to its module: contexts of the base (a kept connection, say) may hold the owner for long.
// 3. Its code may go on after it has left, in a promise that nobody can stop: what it opens then is closed at once, so it ends at its next wait.
// 4. Timers that Node or its fetch keep for the whole process are the base's, although a module was the first to need them.
import { AsyncLocalStorage, createHook } from "node:async_hooks";
import type { OpenThing } from "@evenkeel/contracts/base-protocol";
import { PlatformError } from "@evenkeel/contracts/platform-error";

/** A thing that an owner has opened and that can be closed by its resource. */
export interface Handle {
  readonly type: string;
  readonly resource: object;
}

/** A listener that an owner has put on something of the base. */
export interface Listening {
  readonly on: string;
  readonly event: string;
  readonly remove: () => void;
}

/** A property of something shared that a module has put in the place of another. */
export interface AppliedPatch {
  readonly path: string;
  readonly on: object;
  readonly key: PropertyKey;
  before: PropertyDescriptor | undefined;
  readonly after: PropertyDescriptor | undefined;
}

/** What one version of a module has opened, put and changed. */
export class Owner {
  readonly name: string;
  readonly handles = new Map<number, Handle>();
  readonly listeners = new Set<Listening>();
  /** What stood in the global object before it wrote there; undefined: nothing. */
  readonly globals = new Map<PropertyKey, PropertyDescriptor | undefined>();
  readonly patches: AppliedPatch[] = [];
  /** Was refused something, such as ending the process. */
  readonly refused: OpenThing[] = [];
  /** Set once it has left: what its code opens afterwards, in a promise that nobody could stop, is closed at once. */
  closeLate: ((handle: Handle) => void) | null = null;

  get gone(): boolean {
    return this.closeLate !== null;
  }

  constructor(name: string) {
    this.name = name;
  }
}

const TRACKED = new Set(
  [
    ...["Timeout", "Immediate", "TCPSERVERWRAP", "TCPWRAP", "PIPESERVERWRAP", "PIPEWRAP", "UDPWRAP", "TTYWRAP"],
    ...[
      "FSEVENTWRAP",
      "STATWATCHER",
      "PROCESSWRAP",
      "WORKER",
      "MESSAGEPORT",
      "FILEHANDLE",
      "DIRHANDLE",
      "HTTP2SESSION",
    ],
  ].values(),
);

const context = new AsyncLocalStorage<Owner | undefined>();
const ownerOf = new Map<number, Owner>();

const hook = createHook({
  init(...[asyncId, type, , resource]: [number, string, number, object]) {
    if (!TRACKED.has(type)) return;
    const owner = context.getStore();
    if (owner === undefined || isOfRuntime(type, resource)) return;
    if (owner.closeLate !== null) return owner.closeLate({ type, resource });
    owner.handles.set(asyncId, { type, resource });
    ownerOf.set(asyncId, owner);
  },
  destroy(asyncId) {
    const owner = ownerOf.get(asyncId);
    if (owner === undefined) return;
    ownerOf.delete(asyncId);
    owner.handles.delete(asyncId);
  },
  // Promises would cost every await of the base two and a half times as much, and hold nothing open.
  trackPromises: false,
} as Parameters<typeof createHook>[0]);

let tracking = 0;

/** Begins to see what is opened; each call is undone by the function that it returns. */
export function startTracking(): () => void {
  // Both are made when first touched: in the context of a module they would be closed with it, and the base be silenced.
  void process.stdout;
  void process.stderr;
  if (tracking++ === 0) hook.enable();
  let stopped = false;
  return () => {
    if (stopped) return;
    stopped = true;
    if (--tracking === 0) hook.disable();
  };
}

/** Runs code as this owner's. */
export function runAs<Result>(owner: Owner, work: () => Result): Result {
  return context.run(owner, work);
}

/** Runs code as the base's, whoever asks for it. */
export function runAsBase<Result>(work: () => Result): Result {
  return context.run(undefined, work);
}

/** Whose code runs now; undefined: the base's. */
export function currentOwner(): Owner | undefined {
  return context.getStore();
}

// Node's own timers (kept connections, the clock of the Date header) are made without a reference; those of programs lose theirs later.
function isOfRuntime(type: string, resource: object): boolean {
  if (type !== "Timeout") return false;
  const timeout = resource as NodeJS.Timeout & { _onTimeout?: { name?: string } };
  return !timeout.hasRef() || TIMERS_OF_FETCH.has(timeout._onTimeout?.name ?? "");
}

// The timers that Node's fetch keeps for all its connections, made by whoever reads a body first.
const TIMERS_OF_FETCH = new Set(["onTick", "onParserTimeout"]);

/** `fetch` as a module gets it: its connections belong to the pool of the base. One that has left gets none, or it would go on asking for ever. */
export const fetchAsBase: typeof fetch = async (input, init) => {
  const owner = context.getStore();
  if (owner?.gone) throw new PlatformError("MODULE_LEAVING", { module: owner.name });
  return await runAsBase(() => fetch(input, init));
};

/** Forgets a handle that was closed. */
export function forgetHandle(owner: Owner, asyncId: number): void {
  owner.handles.delete(asyncId);
  ownerOf.delete(asyncId);
}
