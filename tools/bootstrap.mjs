// The way into Evenkeel for any Node >= 20: brings the pinned Node 24 and the libraries, then goes on in them.
// Plain JavaScript without a dependency, because it runs before anything is installed and by a Node that strips no types.
import { spawn } from "node:child_process";
import { constants } from "node:os";
import { join } from "node:path";
import { ensureConsole } from "./console.mjs";
import { ensureInstalled, InstallError, ROOT, RUNTIME } from "./install.mjs";

const PROGRAMS = {
  start: { file: "apps/supervisor/src/main.ts", args: ["up", "--tour"], ownGroup: true, console: true },
  test: { file: "tools/test.ts", args: [], ownGroup: false },
  bench: { file: "bench/run.ts", args: [], ownGroup: false },
};
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"];
// npm repeats the Ctrl-C that the terminal has already sent to everybody; a person's second one comes later than this.
const SAME_SIGNAL_MS = 500;

function asked([name, ...rest]) {
  if (name === "install" && rest.length === 0) return null;
  if (name === "run" && rest[0] !== undefined) return { file: rest[0], args: rest.slice(1), ownGroup: false };
  const program = Object.hasOwn(PROGRAMS, name ?? "") ? PROGRAMS[name] : undefined;
  if (program) return { ...program, args: [...program.args, ...rest] };
  throw new InstallError("Usage: node tools/bootstrap.mjs start|test|bench|install|run FILE [arguments]");
}

function environment() {
  // Measured: loading the libraries of the control plane takes 140 ms with this cache and 210 ms without.
  return { NODE_COMPILE_CACHE: join(RUNTIME, "cache"), ...process.env };
}

function run(node, { file, args, ownGroup }) {
  // The platform gets a group of its own: a Ctrl-C then reaches it once, from here, and not three times (terminal, npm, here).
  const child = spawn(node, [join(ROOT, file), ...args], { stdio: "inherit", env: environment(), detached: ownGroup });
  const lastAt = new Map();
  for (const signal of SIGNALS) {
    process.on(signal, () => {
      const now = performance.now();
      const repeated = now - (lastAt.get(signal) ?? -Infinity) < SAME_SIGNAL_MS;
      lastAt.set(signal, now);
      if (!repeated) child.kill(signal);
    });
  }
  child.on("error", (error) => {
    process.stderr.write(
      `Evenkeel: ${node} cannot be started: ${error.message}. Remove the folder ${RUNTIME} and try again.\n`,
    );
    process.exit(1);
  });
  child.on("exit", (code, signal) => {
    if (signal === null) process.exit(code ?? 1);
    for (const name of SIGNALS) process.removeAllListeners(name);
    process.kill(process.pid, signal);
    // Only reached where the signal is ignored or takes a moment: what a shell would report for it.
    setTimeout(() => process.exit(128 + (constants.signals[signal] ?? 0)), 100);
  });
}

try {
  const program = asked(process.argv.slice(2));
  const node = await ensureInstalled();
  // What is installed alone is complete as well: it may be started without this script.
  if (program === null || program.console) await ensureConsole(node);
  if (program) run(node, program);
} catch (error) {
  if (!(error instanceof InstallError)) throw error;
  process.stderr.write(`Evenkeel: ${error.message}\n`);
  process.exitCode = 1;
}
