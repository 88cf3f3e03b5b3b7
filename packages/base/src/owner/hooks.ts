// Things of Node's own that hold what they were given for as long as the process lives, as a module sees them: what it hooks in there is noted until it takes it
// out, and taken out when the module leaves.
import type { AsyncHook, createHook as CreateHook } from "node:async_hooks";
import type { Channel, ChannelListener } from "node:diagnostics_channel";
import type { PerformanceObserver as Observer } from "node:perf_hooks";
import type { Listening, Owner } from "./owner.ts";

type Require = (name: string) => unknown;
type View = (owner: Owner, whole: never) => object;

interface Hooked extends Listening {
  readonly what: object;
}

const VIEWS: ReadonlyMap<string, View> = new Map<string, View>([
  ["async_hooks", asyncHooks],
  ["perf_hooks", perfHooks],
  ["diagnostics_channel", channels],
]);

/** What stands in the place of this module of Node's; undefined: it itself. */
export const hookedView = (owner: Owner, name: string, require: Require): object | undefined =>
  VIEWS.get(name)?.(owner, require(name) as never);

function asyncHooks(owner: Owner, whole: { readonly createHook: typeof CreateHook }): object {
  const createHook = (callbacks: Parameters<typeof CreateHook>[0]): AsyncHook => {
    const hook = whole.createHook(callbacks);
    const view: AsyncHook = {
      enable: () => {
        hook.enable();
        note(owner, { on: "async_hooks", event: "hook", what: hook, remove: () => void hook.disable() });
        return view;
      },
      disable: () => {
        hook.disable();
        forget(owner, hook, "hook");
        return view;
      },
    };
    return view;
  };
  return { ...whole, createHook };
}

function perfHooks(owner: Owner, whole: { readonly PerformanceObserver: typeof Observer }): object {
  class PerformanceObserver extends whole.PerformanceObserver {
    override observe(options: Parameters<Observer["observe"]>[0]): void {
      super.observe(options);
      note(owner, { on: "perf_hooks", event: "observer", what: this, remove: () => super.disconnect() });
    }

    override disconnect(): void {
      super.disconnect();
      forget(owner, this, "observer");
    }
  }
  return { ...whole, PerformanceObserver };
}

interface Channels {
  channel(name: string | symbol): Channel;
}

function channels(owner: Owner, whole: Channels): object {
  const subscribe = (name: string | symbol, listener: ChannelListener): void => {
    whole.channel(name).subscribe(listener);
    const remove = (): void => void whole.channel(name).unsubscribe(listener);
    note(owner, { on: "diagnostics_channel", event: String(name), what: listener, remove });
  };
  const unsubscribe = (name: string | symbol, listener: ChannelListener): boolean => {
    forget(owner, listener, String(name));
    return Boolean(whole.channel(name).unsubscribe(listener));
  };
  const channel = (name: string | symbol): Channel =>
    Object.create(whole.channel(name), {
      subscribe: { value: (listener: ChannelListener) => subscribe(name, listener) },
      unsubscribe: { value: (listener: ChannelListener) => unsubscribe(name, listener) },
    }) as Channel;
  return { ...whole, subscribe, unsubscribe, channel };
}

function note(owner: Owner, hooked: Hooked): void {
  forget(owner, hooked.what, hooked.event);
  // Code that goes on after its module has left hooks in nowhere.
  if (owner.gone) hooked.remove();
  else owner.listeners.add(hooked);
}

function forget(owner: Owner, what: object, event: string): void {
  for (const each of owner.listeners) {
    const known = each as Partial<Hooked>;
    if (known.what === what && known.event === event) owner.listeners.delete(each);
  }
}
