import type { RouteChangeSpec } from "@evenkeel/contracts/traffic-rule";
import type { Cell } from "@evenkeel/contracts/workspace";
import { wordsIn } from "../kit/words-in.ts";

/** A cell as a form has it. */
export interface CellDraft {
  /** With commas between. */
  readonly zones: string;
  readonly shared: boolean;
  readonly gray: boolean;
  /** Empty = none. */
  readonly failOver: string;
}

export const cellDraft = ({ zones, type, gray, failOver }: Cell): CellDraft => ({
  ...{ zones: zones.join(", "), shared: type === "shared", gray, failOver: failOver ?? "" },
});

/** What a change is to alter, and nothing that is so already; null = nothing, or no zone is left. */
export function cellSpec(cell: Cell, draft: CellDraft): RouteChangeSpec["cells"][number] | null {
  const zones = wordsIn(draft.zones) as Cell["zones"];
  const type = draft.shared ? "shared" : "unit";
  const failOver = draft.failOver === "" ? null : (draft.failOver as Cell["name"]);
  if (zones.length === 0) return null;
  const altered = {
    ...(zones.join() !== cell.zones.join() && { zones }),
    ...(type !== cell.type && { type: type as Cell["type"] }),
    ...(draft.gray !== cell.gray && { gray: draft.gray }),
    ...(failOver !== cell.failOver && { failOver }),
  };
  return Object.keys(altered).length === 0 ? null : { cell: cell.name, ...altered };
}
