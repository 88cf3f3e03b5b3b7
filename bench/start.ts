import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Benchmark, table } from "./benchmark.ts";
import { freePort, output } from "./child.ts";

const ROOT = join(import.meta.dirname, "..");
const LIMIT_MS = 600_000;
const POLL_MS = 50;
const HOST_HEADER = "hello.localhost";

export const benchmark: Benchmark = {
  title: "from git clone to the first answer of the sample application, against git clone and npm ci alone",
  run: async ({ say, defer }) => {
    const folder = await mkdtemp(join(tmpdir(), "evenkeel-bench-"));
    defer(() => rm(folder, { recursive: true, force: true }));
    defer(() => running.end());
    const first = await cloneAndStart(join(folder, "clone"), join(folder, "home"));
    // Node and the libraries are there now: what every later first run of this clone takes.
    const again = await startUntilServing(join(folder, "clone"), join(folder, "second home"));
    const installMs = await timed(() => cloneAndInstall(join(folder, "plain")));
    const ratio = first.totalMs / installMs;
    const rows = [
      ["clone", `${Math.round(first.cloneMs)} ms`],
      ["npm start → first answer of the sample", `${Math.round(first.startMs)} ms`],
      ["together", `${Math.round(first.totalMs)} ms`],
      ["npm start → first answer, installed before", `${Math.round(again)} ms`],
      ["git clone + npm ci alone", `${Math.round(installMs)} ms`],
    ];
    for (const line of table([["", "time"], ...rows])) say(line);
    say(`\nClone to serving takes ${ratio.toFixed(2)} × as long as clone and npm ci alone.`);
    return { ...first, installedStartMs: again, cloneAndInstallMs: installMs, ratio };
  },
};

/** The platform that runs now, which is ended before anything else. */
const running = { end: async (): Promise<void> => undefined };

async function timed(work: () => Promise<unknown>): Promise<number> {
  const beganAt = performance.now();
  await work();
  return performance.now() - beganAt;
}

async function cloneAndStart(clone: string, home: string) {
  const cloneMs = await timed(() => succeed("git", ["clone", "--quiet", ROOT, clone]));
  const startMs = await startUntilServing(clone, home);
  return { cloneMs, startMs, totalMs: cloneMs + startMs };
}

async function cloneAndInstall(folder: string): Promise<void> {
  await succeed("git", ["clone", "--quiet", ROOT, folder]);
  await succeed("npm", ["ci", "--prefix", folder, "--engine-strict=false", "--no-audit", "--no-fund"]);
}

async function succeed(command: string, args: readonly string[]): Promise<void> {
  const { code } = await output(command, args);
  if (code !== 0) throw new Error(`${command} ${args.join(" ")} ended with ${code}`);
}

/** Runs `npm start` in the clone until the sample answers through the gateway, then ends it as Ctrl-C does. */
async function startUntilServing(clone: string, home: string): Promise<number> {
  const [controlPlane, gateway] = [await freePort(), await freePort()];
  const beganAt = performance.now();
  const child = spawn("npm", ["start"], {
    cwd: clone,
    stdio: ["ignore", "ignore", "pipe"],
    detached: true,
    env: {
      ...outsideEnvironment(),
      EVENKEEL_HOME: home,
      EVENKEEL_PORT: String(controlPlane),
      EVENKEEL_GATEWAY_PORT: String(gateway),
    },
  });
  let words = "";
  child.stderr.on("data", (bytes: Buffer) => {
    words = `${words}${bytes}`.slice(-2000);
  });
  const ended = once(child, "exit");
  running.end = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    // As a terminal does it: to npm and all below it.
    process.kill(-(child.pid ?? 0), "SIGINT");
    await ended;
  };
  try {
    while ((await statusOf(gateway)) !== 200) {
      if (child.exitCode !== null) throw new Error(`npm start ended with ${child.exitCode}: ${words}`);
      if (performance.now() - beganAt > LIMIT_MS) throw new Error(`nothing is served: ${words}`);
      await sleep(POLL_MS);
    }
    return performance.now() - beganAt;
  } finally {
    await running.end();
  }
}

/** Without what npm tells its own children: the clone is another project. */
function outsideEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) =>
        !/^(npm_(package|lifecycle|command)|npm_config_(local_)?prefix|NODE_COMPILE_CACHE|INIT_CWD$)/i.test(name),
    ),
  );
}

function statusOf(port: number): Promise<number> {
  return new Promise((resolve) => {
    const call = request({ host: "127.0.0.1", port, agent: false, headers: { host: HOST_HEADER } }, (response) => {
      response.resume().on("end", () => resolve(response.statusCode ?? 0));
    });
    call.on("error", () => resolve(0)).end();
  });
}
