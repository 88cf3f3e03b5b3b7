import { PlatformError } from "@evenkeel/contracts/error";
import type { Window } from "@evenkeel/contracts/window";
import type { Clock } from "@evenkeel/kit/clock";
import type { Kysely } from "kysely";
import { checkScope } from "../change-scope/index.ts";
import type { Database } from "../database.ts";
import type { Handlers } from "../http/index.ts";
import { recurrenceProblem } from "./occurrence.ts";
import { timeOf } from "./shut.ts";
import { windows } from "./store.ts";

export interface WindowDeps {
  readonly db: Kysely<Database>;
  readonly clock: Clock;
  readonly kinds: ReadonlySet<string>;
}

type Operations = "listWindows" | "getWindow" | "setWindow" | "removeWindow";
type Stored = Omit<Window, "inside" | "turnsAt">;

export function windowHandlers({ db, clock, kinds }: WindowDeps): Handlers<Operations> {
  const nowMs = async (): Promise<number> => Date.parse(await clock.databaseNow());
  return {
    listWindows: async ({ caller, query }) => {
      const now = await nowMs();
      const { items, nextCursor } = await windows.list(db, caller.tenantId, query);
      return { items: items.map((window) => show(window, now)), nextCursor };
    },
    getWindow: async ({ caller, params }) => show(await windows.get(db, caller.tenantId, params.window), await nowMs()),
    setWindow: async ({ caller: { tenantId }, params: { window: name }, body, effect, audit }) => {
      const problem = recurrenceProblem(body);
      if (problem !== null) throw new PlatformError("INPUT_INVALID", { field: "recurrence", problem });
      audit.details = body;
      const now = await nowMs();
      return await effect(async (tx) => {
        await checkScope(tx, { tenantId, scope: body.scope, kinds });
        return show(await windows.set(tx, tenantId, { name, definition: body }), now);
      });
    },
    removeWindow: async ({ caller, params: { window }, effect }) => {
      await effect(async (tx) => {
        await windows.remove(tx, caller.tenantId, window);
        return undefined;
      });
    },
  };
}

function show(window: Stored, now: number): Window {
  const { inside, turnsAt } = timeOf(window, now);
  return { ...window, inside, turnsAt: turnsAt === null ? null : new Date(turnsAt).toISOString() };
}
