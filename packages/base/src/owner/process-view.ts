import { PlatformError } from "@evenkeel/contracts/error";
import type { Listening, Owner } from "./owner.ts";

type Listener = (...args: unknown[]) => void;

const ADDING = new Set(["on", "addListener", "once", "prependListener", "prependOnceListener"]);
const ENDING = new Set(["exit", "reallyExit", "abort", "chdir", "setuid", "setgid", "umask"]);

/** Enters the code of a module for something that it has put off. */
type Enter = (work: () => unknown) => unknown;

/** `process` as a module sees it: its listeners are noted, its environment is a copy, and it cannot end what it is a guest of. */
export function processView(owner: Owner, enter: Enter): NodeJS.Process {
  const env = { ...process.env };
  // A tick that blocks can be interrupted inside the guard alone: V8's own termination would end the process there.
  const nextTick = (callback: Listener, ...args: unknown[]): void =>
    process.nextTick(typeof callback === "function" ? () => enter(() => callback(...args)) : callback);
  const own: Readonly<Record<string, unknown>> = { env, nextTick };
  const view: NodeJS.Process = new Proxy(process, {
    get(target, key) {
      if (typeof key !== "string") return Reflect.get(target, key, target);
      if (Object.hasOwn(own, key)) return own[key];
      if (ADDING.has(key)) return adding(owner, key, view);
      if (key === "off" || key === "removeListener") return removing(owner, view);
      if (ENDING.has(key)) return () => refuseEnding(owner, key);
      return Reflect.get(target, key, target);
    },
  });
  return view;
}

function adding(owner: Owner, method: string, view: NodeJS.Process) {
  return (event: string, listener: Listener): NodeJS.Process => {
    // A signal is for the whole process, and a listener on SIGINT would take it from the guard that ends blocking code.
    if (/^SIG[A-Z0-9]+$/.test(event)) {
      owner.refused.push({ kind: "signal listener", name: `${event} on process`, count: 1 });
      return view;
    }
    const heard: Listener = (...args) => {
      if (/once/i.test(method)) owner.listeners.delete(listening);
      listener.apply(process, args);
    };
    (process as unknown as Record<string, (event: string, listener: Listener) => void>)[method]?.(event, heard);
    const listening: Listening & { listener: Listener } = {
      on: "process",
      event,
      listener,
      remove: () => void process.removeListener(event, heard),
    };
    owner.listeners.add(listening);
    return view;
  };
}

function removing(owner: Owner, view: NodeJS.Process) {
  return (event: string, listener: Listener): NodeJS.Process => {
    for (const each of owner.listeners) {
      const known = each as Listening & { listener?: Listener };
      if (known.on !== "process" || known.event !== event || known.listener !== listener) continue;
      known.remove();
      owner.listeners.delete(each);
      break;
    }
    return view;
  };
}

function refuseEnding(owner: Owner, method: string): never {
  owner.refused.push({ kind: "refused call", name: `process.${method}`, count: 1 });
  throw new PlatformError("MODULE_FAILED", { module: owner.name, problem: `it called process.${method}` });
}
