import { promisify } from "node:util";

type Callback = (...args: unknown[]) => unknown;
type Timer = (callback: Callback, ...rest: unknown[]) => unknown;

/** Timers as a module gets them: what their callbacks run is entered like everything else of the module, so it can be interrupted and its errors are its own. */
export function timersFor(enter: (work: () => unknown) => unknown) {
  const wrap = (original: Timer): Timer => {
    const wrapped: Timer = (callback, ...rest) =>
      original(typeof callback === "function" ? (...args) => enter(() => callback(...args)) : callback, ...rest);
    Object.defineProperty(wrapped, promisify.custom, {
      value: (original as { [promisify.custom]?: unknown })[promisify.custom],
    });
    return wrapped;
  };
  return {
    setTimeout: wrap(setTimeout as unknown as Timer),
    setInterval: wrap(setInterval as unknown as Timer),
    setImmediate: wrap(setImmediate as unknown as Timer),
  };
}
