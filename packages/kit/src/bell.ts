/** Wakes whoever waits for it: rung any number of times since it was last heard, it has rung once. */
export interface Bell {
  ring(): void;
  /** Comes back once it has rung, or after so long. */
  rung(withinMs?: number): Promise<void>;
}

/** Makes a bell that has rung already: who begins looks first. */
export function createBell(): Bell {
  let pulled = true;
  let wake: () => void = () => undefined;
  return {
    ring() {
      pulled = true;
      wake();
    },
    async rung(withinMs) {
      if (!pulled) {
        await new Promise<void>((resolve) => {
          const timer = withinMs === undefined ? undefined : setTimeout(resolve, withinMs);
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
      pulled = false;
    },
  };
}
