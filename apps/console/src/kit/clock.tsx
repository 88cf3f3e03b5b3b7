import { useEffect, useState } from "react";
import { useWords } from "../locale/index.tsx";

/** The time, every so often: what says how long ago something was must move on. */
export function useNow(everyMs: number): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return now;
}

/** How long ago; the exact moment in the person's zone is behind it. */
export function Ago({ at }: { readonly at: string }) {
  const { ago, moment } = useWords();
  const now = useNow(15_000);
  return (
    <time dateTime={at} title={moment(at)} className="number">
      {ago(at, now)}
    </time>
  );
}
