import type { Command } from "@evenkeel/contracts/agent-protocol";
import { CommandId, newId } from "@evenkeel/contracts/id";
import { describe, expect, test } from "vitest";
import type { CommandState } from "./tables.ts";
import { type Comparison, compareOutbox } from "./welcome.ts";

const NOTHING: Comparison = { resume: [], void: [], acknowledged: [], resend: [], started: [], revoked: [], ended: [] };

type AtAgent = "received" | "started" | "ended" | "unknown";
interface Row {
  readonly outbox: CommandState | "no row";
  readonly forgotten?: boolean;
  readonly agent: AtAgent;
  readonly expect: (keyof Comparison)[];
}

const ROWS: Row[] = [
  { outbox: "sent", agent: "received", expect: ["resume"] },
  { outbox: "sent", agent: "started", expect: ["resume", "started"] },
  { outbox: "sent", agent: "ended", expect: ["resume"] },
  { outbox: "sent", agent: "unknown", expect: ["resend"] },
  { outbox: "revoking", agent: "received", expect: [] },
  { outbox: "revoking", agent: "started", expect: ["started"] },
  { outbox: "revoking", agent: "ended", expect: [] },
  { outbox: "revoking", agent: "unknown", expect: ["revoked"] },
  { outbox: "revoked", agent: "received", expect: ["void"] },
  { outbox: "revoked", agent: "unknown", expect: [] },
  { outbox: "ended", agent: "received", expect: ["void"] },
  { outbox: "ended", agent: "started", expect: ["void"] },
  { outbox: "ended", agent: "ended", expect: ["acknowledged"] },
  { outbox: "ended", agent: "unknown", expect: [] },
  { outbox: "sent", forgotten: true, agent: "received", expect: ["revoked", "void"] },
  { outbox: "sent", forgotten: true, agent: "started", expect: ["started"] },
  { outbox: "sent", forgotten: true, agent: "unknown", expect: ["ended"] },
  { outbox: "no row", agent: "received", expect: ["void"] },
  { outbox: "no row", agent: "started", expect: ["void"] },
  { outbox: "no row", agent: "ended", expect: ["void"] },
];

describe("the welcome of an agent", () => {
  test.each(ROWS)(
    "$outbox here (forgotten: $forgotten), $agent there → $expect",
    ({ outbox, forgotten, agent, ...row }) => {
      const commandId = newId(CommandId, "cmd");
      const body = { commandId } as Command;
      const rows = outbox === "no row" ? [] : [{ commandId, state: outbox, forgotten: forgotten ?? false, body }];
      const found = compareOutbox(rows, agent === "unknown" ? [] : [{ commandId, state: agent }]);
      const expected = Object.fromEntries(row.expect.map((list) => [list, [list === "resend" ? body : commandId]]));
      expect(found).toEqual({ ...NOTHING, ...expected });
    },
  );
});
