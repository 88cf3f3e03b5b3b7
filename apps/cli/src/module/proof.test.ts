import { plain } from "@evenkeel/client/text/line";
import type { Proof } from "@evenkeel/contracts/base-protocol";
import type { Change, TargetView } from "@evenkeel/contracts/change";
import { expect, test } from "vitest";
import { proofLines } from "./proof.ts";

const proofOf = (more: Partial<Proof>): Proof => ({ closed: [], left: [], memory: "not-asked", heldBy: [], ...more });

const target = (name: string, facts: Record<string, unknown>) =>
  ({ name, steps: [{ outcome: { kind: "succeeded", facts, elapsedMs: 1 } }] }) as unknown as TargetView;

test("an uninstall tells of each base what was closed for the module, and what was left", () => {
  const targets = [
    target("shop@local-1", {
      proof: proofOf({
        closed: [
          { kind: "timer", name: "Timeout", count: 2 },
          { kind: "global", name: "table", count: 1 },
        ],
        left: [{ kind: "patch", name: "Array.prototype.last", count: 1 }],
      }),
    }),
    target("shop@local-2", { proof: proofOf({}) }),
    target("shop@local-3", { absent: true }),
  ];
  const change = { groups: [{ batches: [{ targets }] }] } as unknown as Change;
  expect(proofLines(change).map(plain)).toEqual([
    "  shop@local-1  closed: 2 × timer Timeout, global table",
    "  shop@local-1  left behind: patch Array.prototype.last",
    "  shop@local-2  had nothing open",
  ]);
});
