import { type Entry, entry } from "./entry.ts";

/** What the rules of an installation keep from happening. */
export const GOVERNANCE_ERRORS = {
  CHANGE_FROZEN: entry(409, "later", [
    "No change begins here during the {kind} window {window}, until {until}.",
    "Start with `--wait`, or in an emergency with `--emergency --reason`; rollbacks always pass.",
  ]),
  CHANGE_WINDOW_CLOSED: entry(409, "later", [
    "Changes begin here only inside {window}, next from {until}.",
    "Start with `--wait`, or in an emergency with `--emergency --reason`; rollbacks always pass.",
  ]),
  ADMISSION_REFUSED: entry(422, "later", [
    "The admission rule {rule} is not met: {problem}.",
    "Do what it asks for first; `evenkeel admission-rule show` tells it.",
  ]),
  APPROVAL_MISSING: entry(409, "later", [
    "It lacks an approval that {rules} asks for.",
    "Start it again: it then waits for those who may approve.",
  ]),
  APPROVAL_NOT_YOURS: entry(403, "never", [
    "{principal} cannot approve this change: {problem}.",
    "Ask one of {approvers}.",
  ]),
  PLAN_CHANGED: entry(409, "after-refresh", [
    "The plan that was read is no longer the plan of this change.",
    "Read it again: `evenkeel change show`, then decide.",
  ]),
  CHANGE_REJECTED: entry(409, "never", ["{by} has rejected it: {reason}.", "Plan it anew, or cancel it."]),
  REVIEW_OPEN: entry(409, "later", [
    "{title} was started as an emergency by {startedBy}: {reason}.",
    "Somebody else looks at it afterwards: `evenkeel review sign`.",
  ]),
  REVIEW_OWN: entry(403, "never", ["{principal} started it and cannot review it too.", "Ask somebody else."]),
  REVIEW_DONE: entry(409, "never", ["{reviewedBy} has reviewed it already.", "Nothing more is to be done."]),
  STEP_UNKNOWN: entry(409, "later", [
    "Nobody knows how the step {step} on {target} ended.",
    "Wait for its host; or declare it lost, if you know that it is.",
  ]),
  START_LATER: entry(409, "later", ["It begins at {at}.", "Wait until then, or plan it anew to start it now."]),
  HOLDERS_MANY: entry(409, "never", [
    "{resource} is held by several changes: {holders}.",
    "Say which one with `--change`.",
  ]),
  RESOURCE_IN_USE: entry(409, "never", ["{resource} is used by {users}.", "Change or remove that first."]),
  LIMIT_REACHED: entry(422, "never", ["There are {limit} of {resource} already.", "Remove some that are not needed."]),
} as const satisfies Record<string, Entry>;
