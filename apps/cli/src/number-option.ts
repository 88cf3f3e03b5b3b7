import { InvalidArgumentError } from "commander";

/** The value of an option that is a number; anything else is refused where it was written. */
export function numberOf(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value)) throw new InvalidArgumentError("It must be a number.");
  return value;
}
