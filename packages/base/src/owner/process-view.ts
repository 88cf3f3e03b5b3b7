import { PlatformError } from "@evenkeel/contracts/platform-error";
import type { Listening, Owner } from "./owner.ts";

type Listener = (...args: unknown[]) => void;

const ADDING = new Set(["on", "addListener", "once", "prependListener", "prependOnceListener"]);
const ENDING = new Set(["exit", "reallyExit", "abort", "chdir", "setuid", "setgid", "umask"]);

/** Enters the code of a module for something that it has put off. */
type Enter = (work: () => unknown) => unknown;

/** `process` as a module sees it: its listeners are noted, its environment is a copy, and it cannot end what it is a guest of. */
export function processView(owner: Owner, enter: Enter): NodeJS.Process {
  // A tick that blocks can be interrupted inside the guard alone: V8's own termination would end the process there.
  const nextTick = (callback: Listener, ...args: unknown[]): void =>
    process.nextTick(typeof callback === "function" ? () => enter(() => callback(...args)) : callback);
  const kill = (pid: number, signal?: string | number): true =>
    isOfBase(pid) && signal !== 0 ? refuseEnding(owner, "kill") : process.kill(pid, signal);
  // What it writes on its process (a title, an exit code, another environment) it alone reads.
  const own: Record<string, unknown> = { nextTick, kill };
  const view: NodeJS.Process = new Proxy(process, {
    get(target, key) {
      if (typeof key !== "string") return Reflect.get(target, key, target);
      // Copied when it is asked for: that takes as long as much else of an installation.
      if (key === "env") own.env ??= { ...process.env };
      if (Object.hasOwn(own, key)) return own[key];
      if (ADDING.has(key)) return adding(owner, key, view);
      if (ENDING.has(key)) return () => refuseEnding(owner, key);
      return Reflect.get(target, key, target);
    },
    set(_, key, value) {
      own[String(key)] = value;
      return true;
    },
  });
  own.off = removing(owner, view);
  own.removeListener = own.off;
  own.removeAllListeners = removingAll(owner, view);
  return view;
}

/** The base itself, its group (a negative number), or everybody. */
const isOfBase = (pid: number): boolean => Math.abs(pid) === process.pid || pid === 0 || pid === -1;

function adding(owner: Owner, method: string, view: NodeJS.Process) {
  return (event: string, listener: Listener): NodeJS.Process => {
    // A signal is for the whole process, and a listener on SIGINT would take it from the guard that ends blocking code.
    if (/^SIG[A-Z0-9]+$/.test(event)) {
      owner.refused.push({ kind: "signal listener", name: `${event} on process`, count: 1 });
      return view;
    }
    if (owner.gone) return view;
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

/** Its own alone: others listen to the process too. */
function removingAll(owner: Owner, view: NodeJS.Process) {
  return (event?: string): NodeJS.Process => {
    for (const each of owner.listeners) {
      if (each.on !== "process" || (event !== undefined && each.event !== event)) continue;
      each.remove();
      owner.listeners.delete(each);
    }
    return view;
  };
}

function refuseEnding(owner: Owner, method: string): never {
  owner.refused.push({ kind: "refused call", name: `process.${method}`, count: 1 });
  throw new PlatformError("MODULE_FAILED", { module: owner.name, problem: `it called process.${method}` });
}
