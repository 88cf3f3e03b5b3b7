import { z } from "zod";

/** What an agent has looked up on its host after a failure; names, never values. */
export const Evidence = z.strictObject({
  /** What was run, as it was configured. */
  command: z.string().optional(),
  /** The signal that ended it. */
  signal: z.string().optional(),
  /** Parameters that are set to nothing. */
  emptyParameters: z.array(z.string()).optional(),
  /** Files of configuration with Windows line ends, and such that are not UTF-8. */
  carriageReturns: z.array(z.string()).optional(),
  wrongEncodings: z.array(z.string()).optional(),
  /** The program exists and cannot be run here. */
  notExecutable: z.string().optional(),
  missingInterpreter: z.string().optional(),
  otherArchitecture: z.string().optional(),
  /** How often the kernel has ended processes of this host for want of memory while it lived. */
  memoryKills: z.int().optional(),
  diskFreeBytes: z.int().optional(),
  /** The host's clock against the control plane's. */
  clockSkewMs: z.int().optional(),
});
export type Evidence = z.infer<typeof Evidence>;

/** Why something failed, as far as its traces tell: what it is, what to do, and the line that shows it. */
export const Cause = z.strictObject({
  code: z.string(),
  /** `certain`: seen by the platform itself; `likely`: the output says so; `possible`: it fits. */
  certainty: z.enum(["certain", "likely", "possible"]),
  title: z.string(),
  remedy: z.string(),
  /** The line of the output that shows it. */
  line: z.string().nullable(),
  /** What title and remedy name, for who tells them in another language. */
  facts: z.record(z.string(), z.unknown()).optional(),
});
export type Cause = z.infer<typeof Cause>;
