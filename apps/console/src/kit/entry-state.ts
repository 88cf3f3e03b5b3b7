import { type Dispatch, type SetStateAction, useEffect, useState } from "react";

/** Browsers count how often an entry is written; a person who types makes one write of many letters. */
const REST_MS = 200;

/**
 * State that stays with this entry of the browser's history: a reload, the way back to it, and a login in between, find it as it was left.
 * Another window, and another visit, begin anew.
 */
export function useEntryState<State>(name: string, first: State): [State, Dispatch<SetStateAction<State>>] {
  const [state, setState] = useState<State>(() => {
    const kept = (history.state as Readonly<Record<string, unknown>> | null)?.[name];
    return fits(kept, first) ? (kept as State) : first;
  });
  useEffect(() => {
    const timer = setTimeout(() => history.replaceState({ ...history.state, [name]: state }, ""), REST_MS);
    return () => clearTimeout(timer);
  }, [name, state]);
  return [state, setState];
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Whether what was kept has the fields that it has today: it may be of an older console. What was nothing at first may be anything. */
export function fits(kept: unknown, first: unknown): boolean {
  if (first === null) return kept !== undefined;
  if (isRecord(first)) return isRecord(kept) && Object.keys(first).every((key) => fits(kept[key], first[key]));
  return typeof kept === typeof first && Array.isArray(kept) === Array.isArray(first);
}
