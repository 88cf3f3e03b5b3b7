import { type Entry, entry } from "./entry.ts";

/** What keeps a change from being planned, started or carried out, its traffic included. */
export const CHANGE_ERRORS = {
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
  FLOW_INVALID: entry(422, "never", [
    "The template {template} does not fit into the flow: {problem}.",
    "Correct `flow:`; `evenkeel template show {template}` tells what it holds.",
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
  REVISION_GONE: entry(410, "never", [
    "The bits of revision {revision} (version {version}) are stored no more.",
    "Choose another revision, or upload the version again and release it.",
  ]),
  ORDER_CYCLE: entry(422, "never", [
    "The releases of this order wait for one another in a circle: {cycle}.",
    "Take one `after` of that circle away.",
  ]),
  ORDER_AFTER_UNKNOWN: entry(422, "never", [
    "{service} is to come after {after}, which is not in this order.",
    "Name a service of the order, or add a release of {after}.",
  ]),
  ORDER_SERVICE_TWICE: entry(422, "never", [
    "The service {service} stands twice in this order.",
    "Release it once, or in two orders one after the other.",
  ]),
  SERVICE_NEVER_RELEASED: entry(422, "never", ["The service {service} has no earlier success.", "Release it first."]),
  ALREADY_SO: entry(409, "never", [
    "{service} is {state} on {hosts} already.",
    "Nothing is to be done; `evenkeel service show {service}` tells what runs.",
  ]),
  TARGET_IN_PLAN: entry(409, "later", [
    "{host} stands in the plan of {change}, which is under way: {title}.",
    "Wait for its end, or leave {host} out.",
  ]),
  SERVICE_OUT_OF_REACH: entry(422, "later", [
    "{service} stands on {hosts}, out of reach: it could not be stopped there.",
    "Start the agents there, or remove those hosts.",
  ]),
  HOST_BEHIND: entry(409, "later", [
    "{host} does not have what {service} is to run there since {change}: {problem}.",
    "It gets it when its agent is there and the service is free; `evenkeel converge {service} --host {host}` asks at once.",
  ]),
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
  STRATEGY_UNFIT: entry(422, "never", [
    "The strategy does not fit: {problem}.",
    "Correct `strategy:`; `evenkeel plan` shows hosts and batches.",
  ]),
  LOCK_HELD: entry(409, "later", [
    "{resource} is held by {holder} since {since}: {why}.",
    "Wait for that change, start with `--wait`, or close it.",
  ]),
  BATCH_UNKNOWN: entry(404, "never", [
    "There is no batch {batch} in this change.",
    "See its batches: `evenkeel change show`.",
  ]),
  BATCH_NOT_WAITING: entry(409, "later", [
    "No batch of {change} waits for a confirmation now.",
    "Name the one to confirm ahead of time: {batches}.",
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
  NONE_SUCCEEDED: entry(422, "later", [
    "Nothing was changed: of its targets {skipped} were skipped and {offline} offline.",
    "Roll it back, or close it and plan anew.",
  ]),
  GUARD_WORSE: entry(422, "never", [
    "The guard {guard} found {batch} worse: {evidence}.",
    "Its numbers stand at its batch: `evenkeel change show`. `resume` goes on in spite of it.",
  ]),
  GUARD_NO_DATA: entry(422, "later", [
    "The guard {guard} cannot judge {batch}: {evidence}.",
    "Look for yourself, then `resume` or roll back.",
  ]),
  NO_PROGRESS: entry(504, "later", [
    "Nothing got any further for {seconds} s: {waiting}.",
    "See what its steps wait for, then retry; or roll it back.",
  ]),
  NO_INVERSE: entry(409, "never", ["This change cannot be rolled back: {problem}.", "Plan a new release instead."]),
  NEWER_CHANGE: entry(409, "never", [
    "{resource} was changed since by {changeId}.",
    "Roll that one back, or release again.",
  ]),
  // traffic
  TRAFFIC_UNCONFIRMED: entry(409, "later", [
    "The new instance on {target} stands ready without traffic: nobody confirmed it.",
    "Roll it back, or retry and confirm its batch.",
  ]),
  GATEWAY_AWAY: entry(503, "later", [
    "Gateway {gateway} has not confirmed table version {version}.",
    "Start it, or remove it if it is gone for good.",
  ]),
  GATEWAY_NONE: entry(422, "later", ["Workspace {workspace} has no gateway.", "Start one."]),
  DRAIN_TIMEOUT: entry(504, "later", [
    "{inFlight} requests were still in flight after {seconds} s.",
    "Retry, or use drain policy `cut` or `extend`.",
  ]),
  INSTANCE_SERVES: entry(409, "never", [
    "The instance {instance} takes requests, and is not stopped under them.",
    "It came there after this was planned: close this change or roll it back, and plan anew.",
  ]),
  HOST_SILENT: entry(409, "later", [
    "What host {host} runs is not known: it has not been back since the restore.",
    "Wait until it is back (`evenkeel restoration`), then retry; if it is gone for good, remove it.",
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
} as const satisfies Record<string, Entry>;
