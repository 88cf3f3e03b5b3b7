import type { CommandTemplate, FlowEntry } from "@evenkeel/contracts/command-template";
import { type Refusal, refuse } from "@evenkeel/contracts/error";
import { say } from "@evenkeel/contracts/phrase";

/** The values that the scripts get: those given, else their defaults; each of its type. */
export function argumentsFor(
  { template: reference, arguments: given }: FlowEntry,
  template: CommandTemplate,
): Record<string, string> | Refusal {
  const refused = (problem: string): Refusal => refuse("FLOW_INVALID", { template: reference, problem });
  const unknown = Object.keys(given).find((name) => !(name in template.arguments));
  if (unknown !== undefined) return refused(say("why.no-argument", { argument: unknown }));
  const values: Record<string, string> = {};
  for (const [name, { type, default: standard }] of Object.entries(template.arguments)) {
    const value = given[name] ?? standard;
    if (value === undefined) return refused(say("why.argument-missing", { argument: name }));
    if (!FITS[type](value)) return refused(say("why.argument-type", { argument: name, type, text: value }));
    values[name] = value;
  }
  return values;
}

const FITS: Record<"string" | "number" | "boolean", (value: string) => boolean> = {
  string: () => true,
  number: (value) => value.trim() !== "" && Number.isFinite(Number(value)),
  boolean: (value) => value === "true" || value === "false",
};
