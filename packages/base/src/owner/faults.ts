// What a module throws where nobody can catch it – in an event handler, in a promise that nobody waits for – must not end the base. What the base itself
// throws there ends it as ever.
import { currentOwner } from "./owner.ts";

type OnFault = (module: string, error: unknown) => void;

/** Hears of errors that reach the process; the function that it returns ends that. */
export function watchFaults(onFault: OnFault): () => void {
  const caught = (error: unknown): void => {
    const module = moduleOf(error);
    if (module !== undefined) onFault(module, error);
    else if (process.listenerCount("uncaughtException") === 1) endAsEver(error);
  };
  const rejected = (reason: unknown): void => {
    const module = moduleOf(reason);
    if (module !== undefined) onFault(module, reason);
    else if (process.listenerCount("unhandledRejection") === 1) throw reason;
  };
  process.on("uncaughtException", caught);
  process.on("unhandledRejection", rejected);
  return () => {
    process.off("uncaughtException", caught);
    process.off("unhandledRejection", rejected);
  };
}

/** The module nearest to the top of the stack, else the one in whose context it was thrown. */
function moduleOf(error: unknown): string | undefined {
  const stack = error instanceof Error ? (error.stack ?? "") : "";
  return /module:([^/\s]+)\/index\.js/.exec(stack)?.[1] ?? currentOwner()?.name;
}

function endAsEver(error: unknown): never {
  process.stderr.write(`Uncaught ${error instanceof Error ? error.stack : String(error)}\n`);
  process.exit(1);
}
