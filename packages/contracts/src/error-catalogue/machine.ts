import { type Entry, entry } from "./entry.ts";

/** What goes wrong on a host, and on the machine of a platform. */
export const MACHINE_ERRORS = {
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
  EPOCH_STALE: entry(409, "never", [
    "The command is of generation {epoch} of the installation, and host {host} knows generation {highest}: whether it ran before is not known.",
    "Look at the host, then retry, skip or roll back.",
  ]),
  EPOCH_OUTDATED: entry(409, "later", [
    "Host {host} belongs to generation {highest} of the installation, and this control plane is of generation {epoch}.",
    "Stop this control plane: it was replaced by one that was restored from a backup.",
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
  PORT_FORBIDDEN: entry(422, "never", [
    "Port {port} may not be opened by the user that its process runs as.",
    "Use a port from 1024 on, or give that user the right (CAP_NET_BIND_SERVICE).",
  ]),
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
  NEVER_HEALTHY: entry(422, "never", [
    "The instance ended {count} times in a row without ever having been healthy, and is not started again.",
    "See its last output; release a corrected version, or `evenkeel restart` it.",
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
  HOST_STRAINED: entry(507, "later", [
    "{what} of host {host} is at {percent} %.",
    "See below which of its processes uses it; move a service away, or give the host more.",
  ]),
  SERVICE_DOWN: entry(503, "later", [
    "No instance of {service} is healthy and takes requests.",
    "See below why; roll back what changed it last, or restart it.",
  ]),
  SERVICE_NOT_RELEASED: entry(404, "later", [
    "{service} has never been released successfully.",
    "Release it: `evenkeel deploy`.",
  ]),
  REQUESTS_FAIL: entry(502, "later", [
    "{percent} % of the requests to {service} fail: {failed} of {requests} in the last minute.",
    "See below the logs of its instances and what changed last.",
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
  TEMPLATE_FILE_INVALID: entry(422, "never", [
    "{file}: {problem}.",
    "Correct the named field; see the guide on templates.",
  ]),
  ORDER_FILE_INVALID: entry(422, "never", [
    "{file}: {problem}.",
    "Correct the named field; see the guide on releasing.",
  ]),
  USAGE_WRONG: entry(400, "never", ["{problem}.", "Add --help to the command to see how it is used."]),
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
  DATABASE_AWAY: entry(500, "later", [
    "The database at {place} does not answer: {problem}.",
    "Start it, or correct DATABASE_URL.",
  ]),
  DATABASE_REFUSED: entry(500, "never", [
    "The database at {place} does not let us work: {problem}.",
    "Correct user, password and name in DATABASE_URL; the user must own the database, or may make tables in it.",
  ]),
  DATABASE_TOO_OLD: entry(500, "never", [
    "The database at {place} is PostgreSQL {version}, and {oldest} is the oldest that will do.",
    "Upgrade it, or leave DATABASE_URL out for one of our own.",
  ]),
  SOCKET_PATH_TOO_LONG: entry(500, "never", [
    "The path of a socket in {folder} has more than 107 bytes.",
    "Choose a folder with a shorter path.",
  ]),
  HAPROXY_MISSING: entry(422, "never", [
    "The gateway's driver is haproxy, and no HAProxy {oldest} or newer is installed.",
    "Install it (Debian's package `haproxy`), or set EVENKEEL_GATEWAY_DRIVER=node.",
  ]),
  PART_FAILED: entry(500, "later", ["{part} did not start: {problem}.", "See {log}."]),
  POSTGRES_FAILED: entry(500, "later", ["PostgreSQL did not start: {problem}.", "See {log}."]),
} as const satisfies Record<string, Entry>;
