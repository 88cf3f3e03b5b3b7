import { type Entry, entry } from "./entry.ts";

/** What goes wrong with modules, on a base and when they are built. */
export const MODULE_ERRORS = {
  PROCESS_UNKNOWN: entry(404, "never", [
    "The base has no process {process}.",
    "See the `processes` that the base was made with.",
  ]),
  BUSINESS_UNKNOWN: entry(422, "never", [
    "No business of process {process} has these attributes.",
    "Add a business whose conditions they meet.",
  ]),
  COMPONENT_ABSENT: entry(503, "later", [
    "No module offers {point} for the business {business}.",
    "Publish a module with such a component, or make the point optional.",
  ]),
  SPLIT_FILE_INVALID: entry(422, "never", ["{file}: {problem}.", "Correct the file; docs/guide/modules.md shows one."]),
  MODULE_FILE_INVALID: entry(422, "never", [
    "{file}: {problem}.",
    "Correct the named field; see the guide on modules.",
  ]),
  MODULE_BUILD_FAILED: entry(422, "never", [
    "The module {module} cannot be built: {problem}.",
    "Correct what is named, then build again.",
  ]),
  BUNDLE_INVALID: entry(422, "never", [
    "The bundle is not one of a module: {problem}.",
    "Build it with `evenkeel module build`.",
  ]),
  BUNDLE_CORRUPT: entry(422, "later", [
    "The bundle has the digest {found}, not {expected}.",
    "Send it again: it was damaged or exchanged on its way.",
  ]),
  BUNDLE_UNREADABLE: entry(422, "later", ["The bundle {path} cannot be read: {problem}.", "Put it there, then retry."]),
  DEPENDENCY_MISSING: entry(422, "never", [
    "The module {module} needs {library} {range}, which the base does not share.",
    "Share it in the base, or leave it out of `needs.libraries` so that it is bundled.",
  ]),
  LIBRARY_ABSENT: entry(422, "never", [
    "The base shares {library}, which is not installed beside it.",
    "Install it there (`npm install {library}`), or do not share it.",
  ]),
  DEPENDENCY_CONFLICT: entry(422, "never", [
    "The module {module} needs {library} {range}, and the base shares {found}.",
    "Move the base or the module to a version that fits, or let the module bundle its own.",
  ]),
  DEPENDENCY_UNDECLARED: entry(422, "never", [
    "The module {module} asks for {library}, which is neither in its bundle nor in its `needs.libraries`.",
    "Name it there, or build the module anew.",
  ]),
  SERVICE_MISSING: entry(409, "later", [
    "The module {module} needs the service {service} {range}, which nobody provides.",
    "Install a module that provides it first, or make the need optional.",
  ]),
  MODULES_CIRCLE: entry(422, "never", [
    "Modules need each other's services in a circle: {circle}.",
    "Let one of them say `optional: true` of that need: it is bound as soon as the other is there.",
  ]),
  SERVICE_TAKEN: entry(409, "never", [
    "The {name} is provided by {holder} already.",
    "Choose another name, or uninstall that module first.",
  ]),
  SERVICE_ABSENT: entry(503, "later", [
    "Nobody provides the service {service} {range} now.",
    "Publish a module that provides it.",
  ]),
  SERVICE_METHOD_ABSENT: entry(501, "never", [
    "The service {service} {version} has no method {method}.",
    "Ask for a version that has it.",
  ]),
  MODULE_LOAD_FAILED: entry(422, "never", [
    "The module {module} threw while it was loaded: {problem}.",
    "See the stack; nothing was changed on the base.",
  ]),
  MODULE_ACTIVATION_FAILED: entry(422, "later", [
    "The module {module} could not be activated: {problem}.",
    "See the stack; what served before serves on.",
  ]),
  MODULE_ACTIVATION_TIMEOUT: entry(504, "later", [
    "The module {module} was not active within {seconds} s.",
    "See what its `activate` waits for; what served before serves on.",
  ]),
  MODULE_INCOMPLETE: entry(422, "never", [
    "The module {module} provides {kind} {name} by its manifest, and its `activate` gave none.",
    "Return it from `activate`, or take it out of module.yaml.",
  ]),
  UPGRADE_UNDECLARED: entry(422, "never", [
    "The module {module} takes upgrades below {path}, which is no route of its manifest.",
    "Add it to `provides.routes`, or give the path as it stands there.",
  ]),
  UPGRADE_REFUSED: entry(400, "never", [
    "The module {module} takes no upgrades below {path}.",
    "Ask for it by plain HTTP, or publish a version that takes them.",
  ]),
  UPGRADE_REQUIRED: entry(426, "never", [
    "The module {module} answers below {path} to upgrades alone, such as WebSockets.",
    "Open a WebSocket there; the server of the base must pass `upgrade` on to `base.upgrade`.",
  ]),
  MODULE_ABSENT: entry(404, "never", ["The module {module} is not installed on this base.", "See what is: list."]),
  MODULE_VERSION_TAKEN: entry(409, "never", [
    "The module {module} is installed with other content: {found}.",
    "Give the new build a version of its own.",
  ]),
  MODULE_BUSY: entry(409, "later", [
    "Another operation ({operation}) works on the module {module}.",
    "Wait until it has ended, then retry.",
  ]),
  MODULE_STATE_WRONG: entry(409, "after-refresh", [
    "The module {module} is {state}, so {operation} is not possible.",
    "See what it allows: list.",
  ]),
  MODULE_LEAVING: entry(503, "later", ["The module {module} is leaving.", "Try again: another version answers."]),
  MODULE_FAILED: entry(500, "never", ["The module {module} failed: {problem}.", "See its stack and its log."]),
  MODULE_BLOCKED: entry(503, "later", [
    "The module {module} held the event loop for {blockedMs} ms in {frame}.",
    "Do such work in pieces, or in a thread for it alone: an inline module becomes one by `isolation: worker`, a worker module starts one of its own.",
  ]),
  MODULE_OVER_LIMIT: entry(503, "later", [
    "The module {module} is over its limit: {measure} {value}, at most {most}.",
    "See its charts; release a corrected version or raise the limit.",
  ]),
  MODULE_CRASHED: entry(503, "later", [
    "The worker of the module {module} ended: {problem}.",
    "See its log; it is started again unless it was ejected.",
  ]),
  MODULE_PATCHES: entry(422, "never", [
    "The module {module} changes what belongs to all: {names}.",
    "Leave these alone; they were taken back.",
  ]),
  BASE_ABSENT: entry(409, "later", [
    "No base lives in the slot {slot}.",
    "Start its service; it is a base once its process has opened the socket named in EVENKEEL_BASE_SOCKET.",
  ]),
  BASE_UNREACHABLE: entry(502, "later", [
    "The base gave no answer: {problem}.",
    "See whether its process lives and its event loop turns, then retry.",
  ]),
  ARKLET_FAILED: entry(422, "later", [
    "The base answered {command} with {code}: {problem}.",
    "See its own log; what served before serves on.",
  ]),
  ARKLET_UNSUPPORTED: entry(422, "never", [
    "A base that speaks the Arklet API knows no {operation}.",
    "There what is active answers: install, switch and uninstall are all there is.",
  ]),
  ARKLET_NAMES: entry(409, "never", [
    "The base holds what Evenkeel cannot name: {modules}.",
    "Name them in lower case with a semantic version; till then they are not operated.",
  ]),
  MODULE_UPLOADED: entry(409, "never", [
    "{module} was uploaded before with other content ({digest}).",
    "Give the new build a version of its own.",
  ]),
  BASE_CLUSTER_IN_USE: entry(409, "never", [
    "The base-cluster {cluster} has {bases} bases.",
    "Move them away first: `evenkeel base-cluster move`.",
  ]),
  BASES_NONE: entry(422, "never", [
    "No base fits {selector} in {where}.",
    "See `evenkeel base-cluster bases`; a base is there once its process runs.",
  ]),
  BASES_OFFLINE: entry(409, "later", [
    "None of the {count} bases answers.",
    "See their hosts and processes, then retry.",
  ]),
  BASE_CLUSTER_IS_BUFFER: entry(409, "never", [
    "The base-cluster {cluster} is a buffer: its bases are kept empty.",
    "Release into another cluster; scaling out takes bases from the buffer.",
  ]),
  BASE_CLUSTER_NO_BUFFER: entry(422, "never", [
    "The base-cluster {cluster} is no buffer.",
    "Name one that was made with `--buffer`.",
  ]),
  BASE_THERE: entry(409, "never", [
    "{bases}: in {cluster} already.",
    "Nothing is to be done for these; leave them out.",
  ]),
  MODULES_SO: entry(409, "never", ["{title}: it is so already on every base.", "Nothing is to be done."]),
  MODULE_VERSION_UNCLEAR: entry(422, "never", [
    "Several versions of {module} stand there: {versions}.",
    "Name one with `--module-version`.",
  ]),
  BASE_MUST_RESTART: entry(503, "later", [
    "The base cannot be freed of the module {module}: {problem}.",
    "Drain the base and restart it.",
  ]),
  BASE_OPERATION_UNKNOWN: entry(404, "never", ["The base has no operation {operation}.", "See the base's protocol."]),
} as const satisfies Record<string, Entry>;
