import { flushCompileCache } from "node:module";

// Later than the first answers, which it would hold up by the time that it takes to write.
const AFTER_MS = 1000;

/**
 * Keeps what Node has compiled for this start for the next one, where NODE_COMPILE_CACHE names a folder. By itself Node
 * writes it at an orderly end only, which a process that is killed does not have: its successor would compile everything again.
 */
export function keepCompiled(): void {
  setTimeout(flushCompileCache, AFTER_MS).unref();
}
