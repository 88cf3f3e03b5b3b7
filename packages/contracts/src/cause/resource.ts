import { ENDED, firstOf, inOutput, inProblem, type Rule } from "./rule.ts";

const MEBIBYTE = 1024 ** 2;
/** Below this much free space a failure may well come from it. */
const LITTLE_DISK_BYTES = 16 * MEBIBYTE;

/** Disk, memory, ports, rights: what the host gives and does not give. */
export const RESOURCE_RULES: readonly Rule[] = [
  {
    code: "MEMORY_KILLED",
    certainty: "certain",
    title: "The kernel ended the process: memory was exhausted.",
    remedy: "Give the host or its group more memory, or the application a lower limit of its own.",
    find: ({ evidence: { memoryKills = 0, signal }, exitCode, problem }) =>
      memoryKills > 0 && (signal === "SIGKILL" || exitCode === 137) && ENDED.includes(problem.code) ? {} : null,
  },
  {
    code: "MEMORY_EXHAUSTED",
    certainty: "likely",
    title: "The application ran out of the memory that it may use.",
    remedy: "Raise its own limit (heap), or find what takes so much.",
    find: inOutput(
      /JavaScript heap out of memory/,
      /java\.lang\.OutOfMemoryError/,
      /^MemoryError\b/,
      /Allowed memory size of \d+ bytes exhausted/,
      /Cannot allocate memory|std::bad_alloc|fatal error: (?:runtime: )?out of memory/,
    ),
  },
  {
    code: "DISK_FULL",
    certainty: "likely",
    title: "The disk is full.",
    remedy: "Free some space on the host and retry.",
    find: inOutput(/ENOSPC|No space left on device|Disk quota exceeded/i),
  },
  {
    code: "PORT_OF_NEIGHBOUR",
    certainty: "certain",
    title: "Port {port} belongs to an instance of {neighbour} on the same host.",
    remedy: "Use `port: auto`, or another port; the application must listen on HOST and PORT.",
    find: firstOf(inProblem(["PORT_TAKEN", "PORT_NOT_OURS"], "holder", /an instance of (?<neighbour>\S+)/)),
  },
  {
    code: "PORT_TAKEN",
    certainty: "likely",
    title: "A port that the application or script opens is taken already.",
    remedy: "Stop what holds it, or listen on HOST and PORT, which are the instance's own.",
    find: ({ problem, ...symptom }) =>
      // What the agent has found out itself says more.
      problem.code.startsWith("PORT_") ? null : inOutput(/EADDRINUSE|address already in use/i)({ problem, ...symptom }),
  },
  {
    code: "FILES_EXHAUSTED",
    certainty: "likely",
    title: "Too many files or connections are open at once.",
    remedy: "Raise the host's limit of open files, or find what leaves them open.",
    find: inOutput(/EMFILE|ENFILE|Too many open files/i),
  },
  {
    code: "PERMISSION_DENIED",
    certainty: "likely",
    title: "The user that runs it may not do what it tries.",
    remedy: "See the line: give the right on that file, or write into the application's own folder.",
    find: inOutput(
      /EACCES: permission denied/,
      /\bPermission denied\b/i,
      /PermissionError: /,
      /EPERM: operation not permitted|: Operation not permitted/,
      /AccessDeniedException/,
    ),
  },
  {
    code: "KILLED",
    certainty: "possible",
    title: "Somebody ended the process with {signal}.",
    remedy: "Look at the host's log: the kernel does that for want of memory, else a person or another program did.",
    find: ({ evidence: { signal, memoryKills = 0 }, exitCode, problem }) => {
      if (!ENDED.includes(problem.code) || memoryKills > 0) return null;
      if (signal === "SIGKILL" || signal === "SIGTERM") return { facts: { signal } };
      return exitCode === 137 ? { facts: { signal: "SIGKILL" } } : null;
    },
  },
  {
    code: "CRASHED",
    certainty: "likely",
    title: "The program crashed in its own native code ({signal}).",
    remedy: "It is a fault of the program, of a native library, or of a build for another processor.",
    find: ({ evidence: { signal = "" }, exitCode, problem }) => {
      if (!ENDED.includes(problem.code)) return null;
      if (["SIGSEGV", "SIGBUS", "SIGILL", "SIGFPE"].includes(signal)) return { facts: { signal } };
      return exitCode === 139 ? { facts: { signal: "SIGSEGV" } } : null;
    },
  },
  {
    code: "DISK_LOW",
    certainty: "possible",
    title: "Little is left of the host's disk: {freeMb} MiB.",
    remedy: "Free some space on the host and retry.",
    find: ({ evidence: { diskFreeBytes } }) =>
      diskFreeBytes !== undefined && diskFreeBytes < LITTLE_DISK_BYTES
        ? { facts: { freeMb: Math.floor(diskFreeBytes / MEBIBYTE) } }
        : null,
  },
];
