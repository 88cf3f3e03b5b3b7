import type { Log } from "@evenkeel/kit/log";
import type { Trouble } from "./driver.ts";

const MOST_PER_SECOND = 10;

/** Logs failed requests; of many in one second only the first, and how many more there were. */
export function troubleLog(log: Log): (trouble: Trouble) => void {
  let second = 0;
  let count = 0;
  return ({ code, facts, requestId }) => {
    const now = Math.trunc(performance.now() / 1000);
    if (now !== second) {
      if (count > MOST_PER_SECOND) log.warn({ more: count - MOST_PER_SECOND }, "more failed requests");
      second = now;
      count = 0;
    }
    count += 1;
    if (count <= MOST_PER_SECOND) log.warn({ code, requestId, facts }, "failed request");
  };
}
