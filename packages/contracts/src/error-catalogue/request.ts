import { type Entry, entry } from "./entry.ts";

/** What is wrong with a request, and with what it brings. */
export const REQUEST_ERRORS = {
  // request
  INPUT_INVALID: entry(400, "never", [
    "The input is not valid: {problem}.",
    "Correct the named fields and send it again.",
  ]),
  INPUT_UNKNOWN_FIELD: entry(400, "never", [
    "Unknown field {field}.",
    "Remove it, or correct its spelling; the guide has the manifest's fields, /api/openapi.json those of the API.",
  ]),
  INPUT_UNKNOWN_PARAMETER: entry(400, "never", [
    "Unknown query parameter {field}.",
    "Remove it, or correct its spelling; this address takes {known}.",
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
  LOGIN_LINK_USED: entry(401, "never", [
    "The login link was used already.",
    "Make a new one: `evenkeel open`; if you have not used it yourself, revoke the sessions that you do not know.",
  ]),
  LOGIN_LINK_UNKNOWN: entry(401, "never", [
    "The login link is unknown or has expired.",
    "Make a new one: `evenkeel open`; or log in with an access token.",
  ]),
  ORIGIN_FOREIGN: entry(403, "never", [
    "The request comes from a page of another origin, or does not say that it comes from the console.",
    "Open the console at its own address; programs send `Authorization: Bearer …` instead of a cookie.",
  ]),
  PERMISSION_MISSING: entry(403, "never", [
    "{principal} may not {permission}.",
    "Ask someone who may create tokens for one with this permission.",
  ]),
  HOST_CREDENTIAL_NEEDED: entry(403, "never", [
    "This is for agents alone, and {principal} asks with an access token.",
    "Leave it to the agents, which fetch what they need; `evenkeel package list` tells what there is.",
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
  ANSWER_SEALED: entry(409, "never", [
    "This Idempotency-Key was used with another access token, and the answer holds a secret that only that one may read again.",
    "Ask with that token; or take back what was made and use a new key.",
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
  PACKAGE_WITHOUT_FILES: entry(422, "never", [
    "The archive holds no file.",
    "Check what was packed; `tar tf` or `unzip -l` lists it.",
  ]),
  PACKAGE_TOO_LARGE: entry(422, "never", [
    "The archive unpacks to more than {limitBytes} bytes or {limitEntries} entries.",
    "Pack less.",
  ]),
  UPLOAD_OFFSET_WRONG: entry(409, "after-refresh", ["The upload stands at {offset} bytes.", "Continue from there."]),
  CONSENT_MISSING: entry(400, "never", [
    "{title} cannot be taken back, and nobody is here to be asked.",
    "Say that it is meant: `--yes`.",
  ]),
  RESTORED: entry(409, "never", [
    "The installation was restored from a backup of {takenAt}, and how far this came since then is not known.",
    "Look at what moved: `evenkeel restoration`; then resume it, roll it back or close it.",
  ]),
  HOST_MOVED: entry(409, "never", [
    "Host {host} is not as the backup has it: {differences}.",
    "Release the service anew or roll it back, so that host and record agree.",
  ]),
  RESTORE_NOT_EMPTY: entry(409, "never", [
    "Nothing is restored over an installation that is in use: {where}.",
    "Restore into an empty folder, or an empty database.",
  ]),
  BACKUP_UNREADABLE: entry(422, "never", [
    "The backup {file} cannot be read: {problem}.",
    "Take another one: `evenkeel backup`.",
  ]),
  BACKUP_NEWER: entry(409, "never", [
    "The backup was taken by version {version}, which is newer than this one.",
    "Restore it with that version or a later one.",
  ]),
  SECRET_KEY_MISSING: entry(503, "never", [
    "This control plane was not told the installation's key, and without it {what} can neither be kept nor read.",
    "Set EVENKEEL_SECRET_KEY_FILE to a file with at least 32 random characters, the same for all replicas.",
  ]),
  SECRET_KEY_FOREIGN: entry(503, "never", [
    "The key that this control plane was told is not the one that {what} was sealed by.",
    "Set EVENKEEL_SECRET_KEY_FILE to the installation's key, which its backups hold, or put the secret anew.",
  ]),
  OBJECT_MISSING: entry(500, "never", [
    "The content {digest} that a package or buildpack names is not in the object store.",
    "Bring the file back, or upload the package again.",
  ]),
} as const satisfies Record<string, Entry>;
