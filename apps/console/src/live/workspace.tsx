import type { ChangeSummary, Finding } from "@evenkeel/contracts/change";
import type { WorkspaceEvent } from "@evenkeel/contracts/overview";
import { createContext, type ReactNode, use, useEffect, useState } from "react";
import { client, queries } from "../connection.ts";
import { areSlotsTaken } from "./stream-slot.ts";
import { useWhileVisible } from "./visible.ts";

type Standing = Extract<WorkspaceEvent, { kind: "standing" }>;

/** A workspace as its stream tells of it. */
export interface LiveWorkspace {
  readonly name: string;
  /** Everything that stood has been told once. */
  readonly whole: boolean;
  /** The stream stands. */
  readonly up: boolean;
  /** How often it has stood up. */
  readonly links: number;
  /** Other windows have all connections: this one is not live before one of them is closed or hidden. */
  readonly crowded: boolean;
  readonly changes: readonly ChangeSummary[];
  readonly standing: Standing | null;
  readonly findings: readonly Finding[];
}

const Context = createContext<LiveWorkspace | null>(null);

const nothing = (name: string): LiveWorkspace => ({
  name,
  whole: false,
  up: true,
  links: 0,
  crowded: false,
  changes: [],
  standing: null,
  findings: [],
});

export function tell(now: LiveWorkspace, event: WorkspaceEvent): LiveWorkspace {
  switch (event.kind) {
    case "change": {
      const others = now.changes.filter(({ id }) => id !== event.change.id);
      const changes = [...others, event.change].toSorted((one, other) => (one.id < other.id ? 1 : -1));
      return { ...now, changes };
    }
    case "standing":
      return { ...now, standing: event };
    case "findings":
      return { ...now, findings: event.items };
    case "whole":
      return { ...now, whole: true };
  }
}

/** Give it the name as its key: another workspace is another picture. */
export function WorkspaceProvider({ name, children }: { readonly name: string; readonly children: ReactNode }) {
  const [live, setLive] = useState(() => nothing(name));
  useWhileVisible(async (signal) => {
    const onLink = (up: boolean) => {
      setLive((now) => ({ ...now, up, crowded: false, links: now.links + (up ? 1 : 0) }));
      // What could not be read while the control plane was away is read now.
      const failed = ({ state }: { readonly state: { readonly status: string } }) => state.status === "error";
      if (up) void queries.refetchQueries({ type: "active", predicate: failed });
    };
    try {
      for await (const event of client.watchWorkspace(name, { signal, onLink })) {
        setLive((now) => tell(now, event));
      }
    } finally {
      // What ended without our word, be it with an error that no later try mends, is not live.
      if (!signal.aborted) onLink(false);
    }
  }, name);
  useEffect(() => {
    void areSlotsTaken().then((crowded) => crowded && setLive((now) => (now.links > 0 ? now : { ...now, crowded })));
  }, []);
  return <Context value={live}>{children}</Context>;
}

export function useWorkspace(): LiveWorkspace {
  const live = use(Context);
  if (live === null) throw new Error("there is no WorkspaceProvider");
  return live;
}
