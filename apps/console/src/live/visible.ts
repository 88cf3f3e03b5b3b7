import { useEffect } from "react";

/**
 * Runs `watch` while the page is in sight, until the signal. Browsers open six connections to one place for all their tabs: a stream
 * of each hidden tab would soon leave none. Streams go on where they stopped, so nothing is missed.
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
        void watch(stop.signal).catch(() => undefined);
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
