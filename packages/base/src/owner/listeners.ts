import type { EventEmitter } from "node:events";
import { currentOwner } from "./owner.ts";

type Listener = (this: unknown, ...args: unknown[]) => void;
type Method = (this: EventEmitter, event: string | symbol, listener: Listener) => EventEmitter;

/** How code that something of the base calls back is run. */
export interface Callbacks {
  /** Enters the module. */
  readonly enter: (work: () => void) => void;
  /** A listener threw: nobody else would catch it. */
  readonly failed: (error: unknown) => void;
}

interface Lending {
  readonly callbacks: Callbacks;
  readonly on: Method;
  readonly prependListener: Method;
  readonly removeListener: Method;
}

const LENDING = Symbol("evenkeel.lending");
type Name = "on" | "addListener" | "prependListener" | "removeListener" | "off";
type Lent = { [LENDING]: Lending } & Record<Name, Method>;

/** The listeners that Node makes of those for one time: they take themselves away under a name of their own. */
const wrappings = new WeakMap<Listener, Listener>();

/**
 * What a module puts as a listener on a thing of the base – its request, its answer, a connection that was upgraded – runs as the module's: Node calls
 * back in the context in which the thing was made. Listeners that the base puts on the same thing stay the base's.
 */
export function lend(emitter: EventEmitter, callbacks: Callbacks): void {
  const lent = emitter as unknown as Lent;
  const { on, prependListener, removeListener } = lent[LENDING] ?? lent;
  lent[LENDING] = { callbacks, on, prependListener, removeListener };
  // Node's `once` and `prependOnceListener` call these with a listener of their own making.
  lent.on = add;
  lent.addListener = add;
  lent.prependListener = prepend;
  lent.removeListener = remove;
  lent.off = remove;
}

function add(this: EventEmitter, event: string | symbol, listener: Listener): EventEmitter {
  const { on, callbacks } = (this as unknown as Lent)[LENDING];
  return on.call(this, event, owned(callbacks, listener));
}

function prepend(this: EventEmitter, event: string | symbol, listener: Listener): EventEmitter {
  const { prependListener, callbacks } = (this as unknown as Lent)[LENDING];
  return prependListener.call(this, event, owned(callbacks, listener));
}

function remove(this: EventEmitter, event: string | symbol, listener: Listener): EventEmitter {
  return (this as unknown as Lent)[LENDING].removeListener.call(this, event, wrappings.get(listener) ?? listener);
}

const owned = (callbacks: Callbacks, listener: Listener): Listener =>
  typeof listener === "function" && currentOwner() !== undefined ? wrapped(callbacks, listener) : listener;

function wrapped({ enter, failed }: Callbacks, listener: Listener & { listener?: Listener }): Listener {
  const heard = function heard(this: unknown, ...args: unknown[]): void {
    try {
      enter(() => listener.apply(this, args));
    } catch (error) {
      failed(error);
    }
  };
  // By this Node finds it when it is to be taken away.
  heard.listener = listener.listener ?? listener;
  if (listener.listener !== undefined) wrappings.set(listener, heard);
  return heard;
}
