import { type Line, line, span } from "@evenkeel/client/text/line";
import { type OpenThing, Proof } from "@evenkeel/contracts/base-protocol";
import type { Change, TargetView } from "@evenkeel/contracts/change";

/** What modules had open on each base when they left: closed for them, or left behind. */
export function proofLines(change: Pick<Change, "groups">): Line[] {
  const targets = change.groups.flatMap(({ batches }) => batches.flatMap((batch) => batch.targets));
  return targets.flatMap((target) => proofsOf(target).flatMap((proof) => linesOf(target.name, proof)));
}

function proofsOf({ steps }: TargetView): Proof[] {
  return steps.flatMap(({ outcome }) => {
    const facts = outcome?.kind === "succeeded" ? outcome.facts : {};
    const proof = Proof.safeParse(facts.proof);
    return proof.success ? [proof.data] : [];
  });
}

function linesOf(base: string, { closed, left }: Proof): Line[] {
  if (closed.length + left.length === 0) return [line(`  ${base}  `, span("had nothing open", "dim"))];
  return [
    ...(closed.length === 0 ? [] : [line(`  ${base}  `, span(`closed: ${thingsOf(closed)}`, "dim"))]),
    ...(left.length === 0 ? [] : [line(`  ${base}  `, span(`left behind: ${thingsOf(left)}`, "warn"))]),
  ];
}

const thingsOf = (things: readonly OpenThing[]): string =>
  things.map(({ kind, name, count }) => `${count > 1 ? `${count} × ` : ""}${kind} ${name}`).join(", ");
