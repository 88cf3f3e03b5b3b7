import type { TableCondition } from "@evenkeel/contracts/route-table";
import { valueTest } from "@evenkeel/contracts/traffic/condition";
import { networkTest } from "@evenkeel/contracts/traffic/network";

type Conditions = readonly TableCondition[];

const sameField = (one: TableCondition, other: TableCondition): boolean =>
  one.field === other.field && one.name === other.name;

/** Some request may fit both, as far as can be told without trying: patterns and shares may always. */
export const mayOverlap = (one: Conditions, other: Conditions): boolean =>
  !one.some((a) => other.some((b) => sameField(a, b) && (excludes(a, b) || excludes(b, a))));

/** Whoever fits `narrow` fits `wide`, as far as can be told. */
export const isWithin = (narrow: Conditions, wide: Conditions): boolean =>
  wide.every((b) => narrow.some((a) => sameField(a, b) && implies(a, b)));

/** No value fits both. */
function excludes({ not, test }: TableCondition, other: TableCondition): boolean {
  if (not) return false;
  const fits = valueTest(other);
  if (test.kind === "in") return !test.values.some(fits);
  // It asks for a value, the other for none.
  if (other.not && other.test.kind === "present") return true;
  if (test.kind === "percent") return test.basisPoints === 0;
  if (other.not) return false;
  if (test.kind === "prefix" && other.test.kind === "prefix")
    return !test.prefix.startsWith(other.test.prefix) && !other.test.prefix.startsWith(test.prefix);
  return test.kind === "network" && other.test.kind === "network" && !networksTouch(test.networks, other.test.networks);
}

const baseOf = (network: string): string => network.split("/")[0] ?? "";
const networksTouch = (ones: readonly string[], others: readonly string[]): boolean =>
  ones.some((one) => others.some((other) => networkTest(one)(baseOf(other)) || networkTest(other)(baseOf(one))));

function implies(narrow: TableCondition, wide: TableCondition): boolean {
  if (JSON.stringify(narrow) === JSON.stringify(wide)) return true;
  if (narrow.not) return wide.not && within(wide, narrow);
  if (wide.not) return excludes(narrow, { ...wide, not: true });
  return wide.test.kind === "present" || within(narrow, wide);
}

/** Of two tests that ask for a value. */
function within({ test }: TableCondition, { test: wide, ...field }: TableCondition): boolean {
  if (test.kind === "in") return test.values.every(valueTest({ ...field, not: false, test: wide }));
  if (test.kind === "prefix") return wide.kind === "prefix" && test.prefix.startsWith(wide.prefix);
  if (test.kind !== "network" || wide.kind !== "network") return false;
  const bitsOf = (network: string) => Number(network.split("/")[1]);
  return test.networks.every((one) =>
    wide.networks.some((other) => bitsOf(one) >= bitsOf(other) && networkTest(other)(baseOf(one))),
  );
}
