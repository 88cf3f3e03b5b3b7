import type { Handler } from "../command.ts";

/** Nothing but the journal around it. */
export const noOp: Handler<"no-op"> = async () => ({ facts: {} });
