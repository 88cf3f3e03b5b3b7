import { extname } from "node:path";

/** The file of a thread or process beside another one: `.ts` in the source, `.js` as it is published. */
export const programFile = (name: string, beside: string): URL => new URL(`./${name}${extname(beside)}`, beside);
