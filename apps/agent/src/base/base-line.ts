import { existsSync, watch } from "node:fs";
import { basename, dirname } from "node:path";
import type { BaseInput, BaseOperation, BaseReport, BaseResult } from "@evenkeel/contracts/base-protocol";
import { askBase, watchBase } from "./base-client.ts";

/** How a base is spoken to: ours by its socket, a foreign one by the API that it has. A refusal is a `BaseRefusal`. */
export interface BaseLine {
  /** Until somebody may be there. */
  opened(signal: AbortSignal): Promise<void>;
  ask<Operation extends BaseOperation>(
    operation: Operation,
    input: BaseInput<Operation>,
    signal: AbortSignal,
  ): Promise<BaseResult<Operation>>;
  /** Hears of every alteration until the base ends; throws where nobody is there. */
  watch(hear: (report: BaseReport) => void, signal: AbortSignal): Promise<void>;
}

/** The socket that a base of ours opens. */
export const socketLine = (socketPath: string): BaseLine => ({
  opened: (signal) => socketAt(socketPath, signal),
  ask: (operation, input, signal) => askBase(socketPath, operation, { input, signal }),
  watch: (hear, signal) => watchBase(socketPath, { hear, signal }),
});

/** Until there is a file of this name. */
async function socketAt(path: string, signal: AbortSignal): Promise<void> {
  if (existsSync(path)) return;
  await new Promise<void>((resolve) => {
    const watcher = watch(dirname(path), { signal, persistent: false }, (_, name) => {
      if (name === basename(path) && existsSync(path)) end();
    });
    const end = (): void => {
      watcher.close();
      resolve();
    };
    watcher.once("error", end);
    watcher.once("close", () => resolve());
    // It may have come before anybody watched.
    if (existsSync(path)) end();
  });
}
