import { WindowId } from "@evenkeel/contracts/id";
import type { SetWindow } from "@evenkeel/contracts/window";
import { namedResource } from "../resource/index.ts";

export const windows = namedResource<SetWindow>({
  table: "window",
  noun: "window",
  id: { schema: WindowId, prefix: "win" },
});
