import type { ErrorCode } from "@evenkeel/contracts/error";

type Sentences = readonly [title: string, remedy: string];

/** The catalogue of errors in Chinese; the facts in braces are the same. */
export const PROBLEMS: Readonly<Partial<Record<ErrorCode, Sentences>>> = {};
