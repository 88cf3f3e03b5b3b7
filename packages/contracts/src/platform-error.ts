// The errors themselves, without their schemas: what a thread of a module loads is loaded once for each module.
import { CHANGE_ERRORS } from "./error-catalogue/change.ts";
import type { Entry } from "./error-catalogue/entry.ts";
import { GOVERNANCE_ERRORS } from "./error-catalogue/governance.ts";
import { MACHINE_ERRORS } from "./error-catalogue/machine.ts";
import { MODULE_ERRORS } from "./error-catalogue/module.ts";
import { REQUEST_ERRORS } from "./error-catalogue/request.ts";
import { TRAFFIC_ERRORS } from "./error-catalogue/traffic.ts";

/** The only catalogue of errors: code → HTTP status, retry, text. */
export const ERRORS = {
  ...REQUEST_ERRORS,
  ...CHANGE_ERRORS,
  ...GOVERNANCE_ERRORS,
  ...MACHINE_ERRORS,
  ...MODULE_ERRORS,
  ...TRAFFIC_ERRORS,
} as const satisfies Record<string, Entry>;

export type ErrorCode = keyof typeof ERRORS;
export const isErrorCode = (code: string | undefined): code is ErrorCode =>
  code !== undefined && Object.hasOwn(ERRORS, code);
export type Facts = Readonly<Record<string, unknown>>;

/** A sentence with its facts filled in. */
export const fillText = (text: string, facts: Facts): string =>
  text.replace(/\{(\w+)\}/g, (_, name: string) => (name in facts ? showFact(facts[name]) : `(${name})`));

const showFact = (fact: unknown): string =>
  Array.isArray(fact) ? fact.join(", ") : typeof fact === "object" ? JSON.stringify(fact) : String(fact);

/** What a pure function answers when it will not: an entry of the catalogue with its facts. */
export interface Refusal {
  readonly refused: ErrorCode;
  readonly facts: Facts;
}

/** Refuses with a code of the catalogue. */
export function refuse(code: ErrorCode, facts: Facts = {}): Refusal {
  return { refused: code, facts };
}

/** Tells a refusal from a result. */
export function isRefusal(value: unknown): value is Refusal {
  return typeof value === "object" && value !== null && "refused" in value;
}

/** The sentence of an error, with its facts filled in. */
export function errorTitle(code: ErrorCode, facts: Facts = {}): string {
  return fillText(ERRORS[code].title, facts);
}

/** What to do about an error, with its facts filled in. */
export function errorRemedy(code: ErrorCode, facts: Facts = {}): string {
  return fillText(ERRORS[code].remedy, facts);
}

/** The only error that we throw on purpose. */
export class PlatformError extends Error {
  readonly code: ErrorCode;
  readonly facts: Facts;
  constructor(code: ErrorCode, facts: Facts = {}, options?: ErrorOptions) {
    super(errorTitle(code, facts), options);
    this.name = "PlatformError";
    this.code = code;
    this.facts = facts;
  }
}

/** Turns a refusal into the error that carries it across a border. */
export function asError(refusal: Refusal): PlatformError {
  return new PlatformError(refusal.refused, refusal.facts);
}

/** Makes the problem of a code. */
export function problemOf(code: ErrorCode, facts: Facts = {}) {
  return { code, title: errorTitle(code, facts), remedy: errorRemedy(code, facts), facts: { ...facts } };
}

/** The problem document of a code: title = the sentence, detail = what to do. */
export function problemDocument(code: ErrorCode, facts: Facts = {}) {
  const { status, retry } = ERRORS[code];
  return {
    type: `urn:evenkeel:error:${code}`,
    title: errorTitle(code, facts),
    status,
    detail: errorRemedy(code, facts),
    code,
    retry,
    facts: { ...facts },
  };
}
