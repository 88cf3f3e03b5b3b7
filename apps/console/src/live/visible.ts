import { useEffect } from "react";
import { withStreamSlot } from "./stream-slot.ts";

/**
 * Runs `watch` while the page is in sight, until the signal. Browsers open six connections to one place for all their tabs: a stream
 * of each hidden tab would soon leave none. Streams go on where they stopped, so nothing is missed. Windows that are all in
 * sight share what connections there are.
 */
export function useWhileVisible(watch: (signal: AbortSignal) => Promise<void>, key: string): void {
  // biome-ignore lint/correctness/useExhaustiveDependencies: the key says when it is another watch
  useEffect(() => {
    let stop: AbortController | null = null;
    const turn = () => {
      if (document.visibilityState === "hidden") {
        stop?.abort();
        stop = null;
      } else if (stop === null) {
        stop = new AbortController();
        const { signal } = stop;
        void withStreamSlot(signal, () => watch(signal)).catch(() => undefined);
      }
    };
    turn();
    document.addEventListener("visibilitychange", turn);
    return () => {
      document.removeEventListener("visibilitychange", turn);
      stop?.abort();
    };
  }, [key]);
}
