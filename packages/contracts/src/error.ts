import { z } from "zod";

/** `never` = another input is needed; `later` = the same may succeed after a while; `same-key-now` = ask again with the same key; `after-refresh` = read the resource anew, then decide. */
export type Retry = "never" | "later" | "same-key-now" | "after-refresh";

interface Entry {
  readonly status: number;
  readonly retry: Retry;
  /** One sentence; `{name}` stands for a fact. */
  readonly title: string;
  /** What to do. */
  readonly remedy: string;
}

const entry = (status: number, retry: Retry, [title, remedy]: [title: string, remedy: string]): Entry => ({
  status,
  retry,
  title,
  remedy,
});

/** The only catalogue of errors: code → HTTP status, retry, text. */
export const ERRORS = {
  // request
  INPUT_INVALID: entry(400, "never", [
    "The input is not valid: {problem}.",
    "Correct the named fields and send it again.",
  ]),
  INPUT_UNKNOWN_FIELD: entry(400, "never", [
    "Unknown field {field}.",
    "Remove it, or correct its spelling; the manifest's fields are in the guide.",
  ]),
  BODY_TOO_LARGE: entry(413, "never", [
    "The body is larger than {limitBytes} bytes.",
    "Send less; packages go through uploads in pieces.",
  ]),
  METHOD_NOT_ALLOWED: entry(405, "never", [
    "{method} is not possible on this address.",
    "Possible: {allowed}; see /api/openapi.json.",
  ]),
  MEDIA_TYPE_UNSUPPORTED: entry(415, "never", ["The body has a type that is not read here.", "Send it as {expected}."]),
  TOKEN_MISSING: entry(401, "never", [
    "No access token was sent.",
    "Send `Authorization: Bearer …`; `evenkeel login` stores one.",
  ]),
  TOKEN_UNKNOWN: entry(401, "never", [
    "The access token is unknown, revoked or expired.",
    "Ask for a new one: `evenkeel token create`.",
  ]),
  PERMISSION_MISSING: entry(403, "never", [
    "{principal} may not {permission}.",
    "Ask someone who may create tokens for one with this permission.",
  ]),
  NOT_FOUND: entry(404, "never", ["There is no {resource}.", "Check the name or id; list what exists."]),
  ALREADY_EXISTS: entry(409, "never", ["{resource} exists already.", "Use the existing one, or choose another name."]),
  VERSION_CONFLICT: entry(409, "after-refresh", [
    "{resource} was changed by somebody else in the meantime.",
    "Read it again and repeat your change.",
  ]),
  IDEMPOTENCY_KEY_REUSED: entry(422, "never", [
    "This Idempotency-Key was used with another body.",
    "Use a new key for a new request.",
  ]),
  IDEMPOTENCY_KEY_BUSY: entry(409, "same-key-now", [
    "The first request with this Idempotency-Key is still under way.",
    "Send it again with the same key.",
  ]),
  OUTCOME_UNKNOWN: entry(503, "after-refresh", [
    "The database's answer was lost: it may have been done, or not.",
    "Read the resource, then decide whether to ask again.",
  ]),
  INTERNAL: entry(500, "later", [
    "Something went wrong on our side.",
    "Try again; if it stays, report the trace id {traceId}.",
  ]),
  UNAVAILABLE: entry(503, "later", [
    "{what} is not available right now.",
    "Try again in a moment; `evenkeel doctor` says what is missing.",
  ]),
  // packages
  PACKAGE_DIGEST_MISMATCH: entry(422, "never", [
    "The bytes received have digest {actual}, not {expected}.",
    "Upload it again.",
  ]),
  PACKAGE_VERSION_TAKEN: entry(409, "never", [
    "Version {version} of {application} exists with other bits ({digest}).",
    "Choose another version: a version never changes.",
  ]),
  PACKAGE_NOT_FOUND: entry(404, "never", ["There is no package {version} of {application}.", "Upload it first."]),
  PACKAGE_EMPTY: entry(422, "never", [
    "There is nothing to pack in {folder}.",
    "Check the folder, and what .evenkeelignore or .gitignore leave out.",
  ]),
  PACKAGE_UNREADABLE: entry(422, "never", [
    "The archive cannot be read: {problem}.",
    "Pack it as .tar, .tar.gz or .zip and upload it again.",
  ]),
  PACKAGE_UNSAFE: entry(422, "never", [
    "The archive is refused: entry {entry} {problem}.",
    "Remove the entry and pack it again.",
  ]),
  PACKAGE_TOO_LARGE: entry(422, "never", [
    "The archive unpacks to more than {limitBytes} bytes or {limitEntries} entries.",
    "Pack less.",
  ]),
  UPLOAD_OFFSET_WRONG: entry(409, "after-refresh", ["The upload stands at {offset} bytes.", "Continue from there."]),
  // services
  BUILDPACK_NOT_FOUND: entry(404, "never", [
    "There is no buildpack {buildpack}.",
    "`node` and `process` are built in.",
  ]),
  START_MISSING: entry(422, "never", ["There is no start command.", "Add `start:` to evenkeel.yaml."]),
  ROUTE_TAKEN: entry(409, "never", [
    "The route {host}{path} belongs to the service {service}.",
    "Choose another host or path, or remove it there first.",
  ]),
  ROUTE_GAP: entry(422, "never", [
    "In-place leaves {route} without any instance during batch {batch}.",
    "Use port: auto (surge), smaller batches, or consent with `allowGap: true`.",
  ]),
  HOSTS_NONE: entry(422, "never", [
    "No host of workspace {workspace} fits {selector}.",
    "Join hosts, or change `hosts:`.",
  ]),
  HOSTS_OFFLINE: entry(422, "later", [
    "None of the {count} chosen hosts is online.",
    "Start their agents; `evenkeel host list` shows them.",
  ]),
  SERVICE_NEVER_RELEASED: entry(422, "never", ["The service {service} has no earlier success.", "Release it first."]),
  // changes
  KIND_UNKNOWN: entry(400, "never", [
    "There is no kind of change called {kind}.",
    "See the list of kinds in the API document.",
  ]),
  ACTION_NOT_ALLOWED: entry(409, "after-refresh", [
    "{action} is not possible while {resource} is {state}.",
    "Possible now: {allowed}.",
  ]),
  PLAN_BASIS_MOVED: entry(409, "after-refresh", [
    "Since the plan was made, {moved} changed.",
    "Plan again: `evenkeel change replan`.",
  ]),
  PLAN_INCOMPLETE: entry(422, "never", ["The plan lacks {missing}.", "Provide it and create the change again."]),
  LOCK_HELD: entry(409, "later", [
    "{resource} is held by {holder} since {since}: {why}.",
    "Wait for that change, start with `--wait`, or close it.",
  ]),
  BATCH_UNKNOWN: entry(404, "never", [
    "There is no batch {batch} in this change.",
    "See its batches: `evenkeel change show`.",
  ]),
  TARGET_UNKNOWN: entry(404, "never", [
    "There is no target {target} in this change.",
    "See its targets: `evenkeel change show`.",
  ]),
  RELEASE_FAILED: entry(422, "never", ["{title} has failed.", "See its cause: `evenkeel change show`."]),
  CHANGE_WAITS: entry(409, "later", [
    "{change} is {state} and waits for {waitingFor}.",
    "See what it offers: `evenkeel change show`.",
  ]),
  NO_INVERSE: entry(409, "never", ["This change cannot be rolled back: {problem}.", "Plan a new release instead."]),
  NEWER_CHANGE: entry(409, "never", [
    "{resource} was changed since by {changeId}.",
    "Roll that one back, or release again.",
  ]),
  // agent and host
  JOIN_TOKEN_USED: entry(401, "never", [
    "The join token is unknown, used or expired.",
    "Make a new one: `evenkeel host token`.",
  ]),
  JOURNAL_LOST: entry(409, "never", [
    "The agent's journal is not the one that belongs to host {host}.",
    "Look at the host, then admit it: `evenkeel host admit`.",
  ]),
  DUPLICATE_AGENT: entry(409, "never", [
    "Two agents answer for host {host}.",
    "Stop one of them, then admit the host.",
  ]),
  FENCE_STALE: entry(409, "never", [
    "The command's fence {epoch}.{token} is older than {highest}.",
    "Nothing: a newer worker has taken over.",
  ]),
  DISK_FULL: entry(507, "later", [
    "The disk of the host is full: {freeBytes} bytes free, {neededBytes} needed.",
    "Free some space on the host and retry.",
  ]),
  FETCH_FAILED: entry(502, "later", [
    "The package could not be fetched: {problem}.",
    "Check the link between host and control plane, then retry.",
  ]),
  OBJECT_CORRUPT: entry(422, "later", [
    "The object {digest} is damaged on the host.",
    "Retry: it will be fetched again.",
  ]),
  REVISION_NOT_STAGED: entry(409, "later", [
    "The revision {revisionId} is not on the host.",
    "Retry: it will be fetched and unpacked again.",
  ]),
  NEED_MISSING: entry(422, "never", [
    "The host lacks {need}, which the buildpack {buildpack} needs.",
    "Install it on the host, then retry.",
  ]),
  SCRIPT_CRLF: entry(422, "never", [
    "{file} has Windows line ends (CRLF).",
    "Save it with LF line ends and pack it again.",
  ]),
  SCRIPT_FAILED: entry(422, "later", ["{command} ended with {exit}.", "See its last output."]),
  SCRIPT_TIMEOUT: entry(504, "later", [
    "{command} was still running after {seconds} s.",
    "See its last output; raise the limit if it needs longer.",
  ]),
  START_FAILED: entry(422, "later", [
    "The application ended with {exit} before it was healthy.",
    "See its last output.",
  ]),
  START_COMMAND_MISSING: entry(422, "never", [
    "The start command {command} was not found.",
    "Check `start:` and that the package holds it.",
  ]),
  SETTING_INVALID: entry(400, "never", [
    "The setting {setting} is not valid: {problem}.",
    "Correct it and start again.",
  ]),
  PORT_TAKEN: entry(409, "later", ["Port {port} is taken by {holder}.", "Stop that process, or use another port."]),
  PORT_NOT_OURS: entry(422, "later", [
    "Port {port} is answered by {holder}, not by the application.",
    "Stop that process; make the application listen on HOST and PORT.",
  ]),
  HEALTH_TIMEOUT: entry(422, "later", [
    "Not healthy within {seconds} s: {problem}.",
    "See the health address and the application's last output.",
  ]),
  INSTANCE_UNHEALTHY: entry(503, "later", [
    "The instance fails its health check: {problem}.",
    "See its last output; it returns to its routes when it is healthy again.",
  ]),
  CRASH_LOOP: entry(422, "later", [
    "The instance ended {count} times in a row, the last time with {exit}.",
    "See its last output; roll back, or release a corrected version.",
  ]),
  PROCESS_STUCK: entry(500, "later", [
    "Process {pid} did not end after KILL.",
    "Look at the host: a process in uninterruptible sleep waits for its disk.",
  ]),
  HOST_LOST: entry(503, "later", [
    "Host {host} has been silent since {since}.",
    "Start its agent; or declare its step lost.",
  ]),
  CLOCK_SKEWED: entry(500, "later", [
    "The clock of host {host} is {skewMs} ms away from the control plane's.",
    "Set it by NTP; nothing of Evenkeel goes by it, but logs of several hosts cannot be compared.",
  ]),
  DISK_LOW: entry(507, "later", [
    "Host {host} has only {freeBytes} bytes of disk left.",
    "Free some space there before the next release needs it.",
  ]),
  HOST_RESTARTED: entry(500, "later", [
    "Host {host} restarted in the middle of the step.",
    "Retry, or skip the target.",
  ]),
  COMMAND_FAILED: entry(500, "later", [
    "The command failed on the host: {problem}.",
    "Look at the agent's log on the host, then retry.",
  ]),
  COMMAND_TIMEOUT: entry(504, "later", [
    "The command was not done within {seconds} s.",
    "Look at the host's load and disk, then retry.",
  ]),
  STEP_TIMEOUT: entry(504, "later", [
    "The step {step} was not done after {seconds} s; it waits for {waitingFor}.",
    "Free what it waits for, then retry.",
  ]),
  STEP_INTERRUPTED: entry(500, "later", ["The step was interrupted: {problem}.", "Retry, or skip the target."]),
  // traffic
  GATEWAY_AWAY: entry(503, "later", [
    "Gateway {gateway} has not confirmed table version {version}.",
    "Start it, or remove it if it is gone for good.",
  ]),
  GATEWAY_NONE: entry(422, "later", ["Workspace {workspace} has no gateway.", "Start one."]),
  DRAIN_TIMEOUT: entry(504, "later", [
    "{inFlight} requests were still in flight after {seconds} s.",
    "Retry, or use drain policy `cut` or `extend`.",
  ]),
  NOT_SERVING: entry(422, "later", [
    "The gateway does not reach {instance}: {problem}.",
    "Check the network between gateway and host.",
  ]),
  TABLE_STALE: entry(409, "never", [
    "The route table {epoch}.{version} is older than {highest}.",
    "Nothing: a newer one is in force.",
  ]),
  ROUTE_NONE: entry(404, "never", [
    "No route leads from {host}{path}.",
    "Check the address; `routes:` of the manifest.",
  ]),
  INSTANCE_NONE: entry(503, "later", [
    "{service} has no instance that takes requests.",
    "Try again in a moment; `evenkeel service show` says why.",
  ]),
  INSTANCE_FAILED: entry(502, "later", [
    "{service} did not answer: {problem}.",
    "See the log of the instance {instance}.",
  ]),
  INSTANCE_SLOW: entry(504, "later", [
    "{service} did not begin its answer within {seconds} s.",
    "See the log of the instance {instance}.",
  ]),
  REQUEST_UNREADABLE: entry(400, "never", ["The request is not valid HTTP: {problem}.", "Correct the client."]),
  REQUEST_SLOW: entry(408, "later", ["The request's headers did not arrive in time.", "Send them at once."]),
  HEADERS_TOO_LARGE: entry(431, "never", [
    "The request's headers are too many or too large.",
    "Send at most {limitBytes} bytes and {limitCount} headers.",
  ]),
  // this machine
  HOME_IN_USE: entry(409, "never", [
    "The folder {home} is in use by process {pid}.",
    "Stop it first, or use another EVENKEEL_HOME.",
  ]),
  NOT_LOGGED_IN: entry(401, "never", ["You are not logged in.", "Run `evenkeel login`."]),
  PLATFORM_NOT_FOUND: entry(404, "never", [
    "No platform was started in {home}.",
    "Start one with `evenkeel up`, or give an address: `evenkeel login URL`.",
  ]),
  MANIFEST_MISSING: entry(404, "never", ["There is no evenkeel.yaml in {folder}.", "Run `evenkeel init`."]),
  MANIFEST_INVALID: entry(422, "never", ["evenkeel.yaml: {problem}.", "Correct the named field."]),
  COMMAND_BROKEN: entry(500, "never", [
    "The command itself failed: {problem}.",
    "This is a fault of ours: run it again with EVENKEEL_DEBUG=1 and report what it prints.",
  ]),
  MANIFEST_EXISTS: entry(409, "never", [
    "There is an evenkeel.yaml in {folder} already.",
    "Edit it, or remove it first.",
  ]),
  NAME_AMBIGUOUS: entry(422, "never", ["{name} may mean {matches}.", "Write more of it."]),
  CONTROL_PLANE_UNREACHABLE: entry(503, "later", [
    "The control plane at {url} does not answer.",
    "Start it with `evenkeel up`, or log in to another.",
  ]),
  REPLY_NOT_UNDERSTOOD: entry(502, "never", [
    "{url} does not answer like a control plane: {problem}.",
    "Check the address; use a command of the same version as the control plane.",
  ]),
  FILE_DAMAGED: entry(500, "never", [
    "The file {path} is damaged: {reason}.",
    "Correct it, or move it away and start again.",
  ]),
  FILE_DISK_FULL: entry(507, "later", [
    "No space is left to write {path}.",
    "Free some space on this disk, then start again.",
  ]),
  FILE_UNUSABLE: entry(500, "later", [
    "The file {path} cannot be used: {reason}.",
    "Check its owner, its mode and the folders above it.",
  ]),
  POSTGRES_MISSING: entry(500, "never", [
    "No PostgreSQL was found{wanted}.",
    "Run `npm ci` again, install the package postgresql, or set DATABASE_URL.",
  ]),
  POSTGRES_OTHER_VERSION: entry(500, "never", [
    "The data in {dataDir} is of PostgreSQL {major}, and here is {found}.",
    "Install PostgreSQL {major}, or start on an empty folder.",
  ]),
  SOCKET_PATH_TOO_LONG: entry(500, "never", [
    "The path of a socket in {folder} has more than 107 bytes.",
    "Choose a folder with a shorter path.",
  ]),
  PART_FAILED: entry(500, "later", ["{part} did not start: {problem}.", "See {log}."]),
  POSTGRES_FAILED: entry(500, "later", ["PostgreSQL did not start: {problem}.", "See {log}."]),
} as const satisfies Record<string, Entry>;

export type ErrorCode = keyof typeof ERRORS;
export const ErrorCode = z.enum(Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]]);
export type Facts = Readonly<Record<string, unknown>>;

const fill = (text: string, facts: Facts): string =>
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
  return fill(ERRORS[code].title, facts);
}

/** What to do about an error, with its facts filled in. */
export function errorRemedy(code: ErrorCode, facts: Facts = {}): string {
  return fill(ERRORS[code].remedy, facts);
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

/** An error inside a result: what failed, and what to do. */
export const Problem = z.strictObject({
  code: ErrorCode,
  title: z.string(),
  remedy: z.string(),
  facts: z.record(z.string(), z.unknown()),
});
export type Problem = z.infer<typeof Problem>;

/** Makes the problem of a code. */
export function problemOf(code: ErrorCode, facts: Facts = {}): Problem {
  return { code, title: errorTitle(code, facts), remedy: errorRemedy(code, facts), facts: { ...facts } };
}

/** RFC 9457 problem document, `application/problem+json`. */
export const ProblemDocument = z.looseObject({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  code: ErrorCode,
  retry: z.enum(["never", "later", "same-key-now", "after-refresh"]),
  facts: z.record(z.string(), z.unknown()),
});
export type ProblemDocument = z.infer<typeof ProblemDocument>;

/** The problem document of a code: title = the sentence, detail = what to do. */
export function problemDocument(code: ErrorCode, facts: Facts = {}): ProblemDocument {
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
