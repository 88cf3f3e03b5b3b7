import { PlatformError } from "@evenkeel/contracts/error";
import pg from "pg";

/** A constraint of the database refused a row; `constraint` is its name in the migration. */
export class ConstraintViolation extends Error {
  readonly kind: "unique" | "foreign-key" | "check" | "not-null";
  readonly constraint: string;
  constructor(kind: ConstraintViolation["kind"], constraint: string, options?: ErrorOptions) {
    super(`${kind} constraint ${constraint} refused a row`, options);
    this.name = "ConstraintViolation";
    this.kind = kind;
    this.constraint = constraint;
  }
}

/** Two transactions stood in each other's way and this one was undone as a whole: it may run again. */
export class TransactionUndone extends Error {
  override readonly name = "TransactionUndone";
}

/** The answer of a COMMIT was lost: nobody knows here whether it was done. Read again, never run again. */
export class CommitUnknown extends Error {
  override readonly name = "CommitUnknown";
}

/** Says whether a row with the same key was there already. */
export function isUniqueViolation(error: unknown, constraint?: string): error is ConstraintViolation {
  return (
    error instanceof ConstraintViolation &&
    error.kind === "unique" &&
    (constraint === undefined || error.constraint === constraint)
  );
}

const CONSTRAINTS: Readonly<Record<string, ConstraintViolation["kind"]>> = {
  "23505": "unique",
  "23503": "foreign-key",
  "23514": "check",
  "23502": "not-null",
};
const UNDONE = new Set(["40001", "40P01"]);
// Text with a NUL character or a lone surrogate: no column of PostgreSQL takes it.
const UNSTORABLE = new Set(["22021", "22P05"]);
// What a lone surrogate in JSON is called; of other types it is our own slip.
const NO_TEXT = "22P02";
const LOST_CONNECTION = /^(ECONN|EPIPE|ENOENT|ENOTFOUND|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|EAI_)/;
const LOST_WORDS = /Connection terminated|timeout exceeded when trying to connect|not queryable|Cannot use a pool/;

/** Says whether the link to the database broke, as opposed to the database refusing a statement. */
export function isConnectionLoss(error: unknown): boolean {
  if (error instanceof pg.DatabaseError) {
    // 57P0x: the server shuts down or starts; 25P0x with FATAL: it closed a session that sat idle.
    return error.severity === "FATAL" || error.severity === "PANIC" || /^(57P0|08|53300)/.test(error.code ?? "");
  }
  if (!(error instanceof Error)) return false;
  const code = "code" in error ? String(error.code) : "";
  return LOST_CONNECTION.test(code) || LOST_WORDS.test(error.message);
}

/** Turns what the driver throws into what the rest of the code knows; anything else stays as it is. */
export function translateSqlError(error: unknown): unknown {
  if (isConnectionLoss(error)) return new PlatformError("UNAVAILABLE", { what: "The database" }, { cause: error });
  if (!(error instanceof pg.DatabaseError)) return error;
  const code = error.code ?? "";
  const kind = CONSTRAINTS[code];
  if (kind !== undefined)
    return new ConstraintViolation(kind, error.constraint ?? error.column ?? "", { cause: error });
  if (UNDONE.has(code)) return new TransactionUndone(error.message, { cause: error });
  if (UNSTORABLE.has(code) || (code === NO_TEXT && error.message.endsWith("type json"))) {
    return new PlatformError(
      "INPUT_INVALID",
      { problem: "a text has a character that cannot be stored" },
      { cause: error },
    );
  }
  if (code === "53100")
    return new PlatformError("UNAVAILABLE", { what: "Space on the database's disk" }, { cause: error });
  return error;
}
