import { type Entry, entry } from "./entry.ts";

/** What keeps a rule from being set, and what gateways answer by rules. */
export const TRAFFIC_ERRORS = {
  RULE_NEVER_MATCHES: entry(422, "never", [
    "The rule {rule} can never decide: {problem}.",
    "Correct its conditions, give it a smaller priority, narrow what stands before it, or leave it out.",
  ]),
  RULE_CONFLICT: entry(422, "never", [
    "The rules {rule} and {other} have priority {priority} both, and one request may fit both.",
    "Give one of them another priority: the smaller is looked at first.",
  ]),
  RULE_REGEX_UNSAFE: entry(422, "never", [
    "The pattern {regex} of rule {rule} is not taken: {problem}.",
    "Anchor it with ^, repeat nothing twice, or use exact, in or prefix.",
  ]),
  RULE_TARGET_UNKNOWN: entry(422, "never", [
    "The rule {rule} sends to {target}, which {service} does not have.",
    "Name a version that was uploaded, a cell or a host of the workspace.",
  ]),
  RULE_SHARES_WRONG: entry(422, "never", ["The shares of rule {rule} add up to {sum} %.", "Make them add up to 100."]),
  CELL_UNFIT: entry(422, "never", [
    "The cells do not fit: {problem}.",
    "`evenkeel cell list` shows the cells of the workspace and their weights.",
  ]),
  TRAFFIC_ALREADY_SO: entry(409, "never", [
    "The traffic of {workspace} goes that way already.",
    "Nothing is to be done; `evenkeel traffic-rule list`, `evenkeel cell list` and `evenkeel host list` tell how it goes.",
  ]),
  CELL_LEFT_EMPTY: entry(422, "never", [
    "Users in cell {cell} would find nobody of {service}.",
    "Move another host into it with the same change, send its users elsewhere first (`evenkeel cell switch`), or consent with `allowGap: true`.",
  ]),
  HOST_CELL_MOVES_USERS: entry(409, "never", [
    "Which cell {host} is in decides who is served by it, so it is altered by a change.",
    "Run `evenkeel host move {host} --cell {cell}`, or make a route-change with `hosts`.",
  ]),
  CELL_MOVES_USERS: entry(409, "never", [
    "What cell {cell} is decides who is served by whom, so it is altered by a change.",
    "Run `evenkeel cell edit {cell}` with what it is to be, or make a route-change with `cells`.",
  ]),
  TRAFFIC_FILE_INVALID: entry(422, "never", [
    "{file}: {problem}.",
    "Correct the file; docs/guide/traffic.md has all fields.",
  ]),
  RATE_LIMITED: entry(429, "later", [
    "More than {requests} requests in {perSeconds} s, as the rule {rule} of {service} allows.",
    "Ask again later, and less often.",
  ]),
  CONCURRENCY_REACHED: entry(503, "later", [
    "{service} does {requests} such requests at once, as the rule {rule} says, and no more may wait.",
    "Ask again in a moment.",
  ]),
  CIRCUIT_OPEN: entry(503, "later", [
    "{errorPercent} % of the last requests to {service} failed: it is left alone for {seconds} s.",
    "Ask again later; see the log of its instances.",
  ]),
  CERTIFICATE_INVALID: entry(422, "never", [
    "The certificate {name} is not taken: {problem}.",
    "Hand in PEM: the certificate of the host first, then those above it, and its key without a passphrase.",
  ]),
  CERTIFICATE_KEY_MISSING: entry(422, "never", [
    "The certificate {name} comes without its key.",
    "Hand in the private key that it was made for, as PEM.",
  ]),
  CERTIFICATE_KEY_FOREIGN: entry(422, "never", [
    "The key is not that of the certificate {name}.",
    "Hand in the private key that it was made for; the certificate in force stays.",
  ]),
  CERTIFICATE_ENDED: entry(422, "never", [
    "The certificate {name} has ended at {endedAt}.",
    "Hand in one that is valid; the certificate in force stays.",
  ]),
  TLS_DOOR_NONE: entry(409, "never", [
    "No gateway of the workspace {workspace} listens for TLS: its certificates serve nobody.",
    "Start with EVENKEEL_GATEWAY_TLS_PORT=7743, or give a gateway that is run by itself EVENKEEL_GATEWAY_TLS_LISTEN.",
  ]),
  CERTIFICATE_ENDING: entry(409, "never", [
    "The certificate {name} ends at {endsAt}.",
    "Put the next one in its place; no connection is lost by that.",
  ]),
  CERTIFICATE_NAMES_NOBODY: entry(422, "never", [
    "The certificate {name} names no host, so no request would be served by it.",
    "Hand in one with names of hosts, or let it be the default.",
  ]),
  FAULT_INJECTED: entry(503, "later", [
    "The rule {rule} of {service} answers in its place, for a drill.",
    "Nothing; remove the rule when the drill is over.",
  ]),
} as const satisfies Record<string, Entry>;
