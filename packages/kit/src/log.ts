import { copyFile, rename, stat, truncate } from "node:fs/promises";
import { type DestinationStream, destination, type Logger, pino } from "pino";

/** Structured log of one process; every line names its part. */
export type Log = Logger;

const SECRETS = ["token", "joinToken", "secret", "credential", "authorization", "cookie", "password", "databaseUrl"];
const DEPTHS = ["", "*.", "*.*.", "*.*.*."];

/** What to log and where: `file` is opened for append; without it lines go to standard error. */
export interface LogOptions {
  readonly part: string;
  readonly level?: string;
  readonly file?: string;
}

/** Makes the log of a part. Written at once, so that the last lines before a kill are there; secrets are blanked. */
export function createLog({ part, level = process.env.EVENKEEL_LOG_LEVEL ?? "info", file }: LogOptions): Log {
  return logTo(destination({ dest: file ?? 2, append: true, mkdir: true, sync: true }), { part, level });
}

/** Makes a log that writes to this stream. */
export function logTo(stream: DestinationStream, { part, level = "info" }: LogOptions): Log {
  const paths = DEPTHS.flatMap((depth) => SECRETS.map((name) => `${depth}${name}`));
  return pino(
    {
      level,
      base: { part },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths, censor: "[redacted]" },
    },
    stream,
  );
}

/** How large a log file may become, and how many old ones are kept. */
export interface Rotation {
  readonly maxBytes: number;
  readonly keep: number;
}

/**
 * Rotates the file when it is too large, without the help of the process that writes it: copied, then emptied. It must
 * be open for append. Lines written in the instant between are lost.
 */
export async function rotateLog(path: string, { maxBytes, keep }: Rotation): Promise<boolean> {
  const size = (await stat(path).catch(() => null))?.size ?? 0;
  if (size <= maxBytes) return false;
  for (let index = keep - 1; index >= 1; index -= 1) {
    await rename(`${path}.${index}`, `${path}.${index + 1}`).catch(ignoreMissing);
  }
  await copyFile(path, `${path}.1`);
  await truncate(path, 0);
  return true;
}

function ignoreMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== "ENOENT") throw error;
}
