import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { PlatformError } from "@evenkeel/contracts/error";
import { Claims } from "@evenkeel/kit/claim";
import { createLog, type Log } from "@evenkeel/kit/log";
import { killIdentity, waitGone } from "@evenkeel/kit/process-identity";
import { onShutdown, type Shutdown } from "@evenkeel/kit/shutdown";
import { removeServerFolder } from "@evenkeel/postgres/account";
import { consoleText } from "./console.ts";
import { type Endpoints, readEndpoints } from "./endpoints.ts";
import { type Hold, readHolder, takeHold } from "./hold.ts";
import { type Home, openHome } from "./home.ts";
import { Installation } from "./installation.ts";
import { codeVersion, isNewer, type UpOptions } from "./options.ts";
import { findMarked } from "./part.ts";
import { administrator, ensureToken } from "./provision.ts";
import { runsApplications } from "./remaining.ts";
import { runTour, type TourSummary } from "./tour/index.ts";

/** Asks a supervisor to let go of everything without stopping it. */
export const LEAVE: NodeJS.Signals = "SIGUSR2";
const LEAVE_LIMIT_MS = 30_000;

/** Runs the platform until it is asked to end; the exit code of a run that ends by itself. */
export async function up(options: UpOptions, environment: NodeJS.ProcessEnv): Promise<number> {
  const home = await openHome(options.home ?? (await mkdtemp(join(tmpdir(), "evenkeel-"))));
  const version = codeVersion();
  const log = createLog({ part: "supervisor", file: join(home.logFolder, "supervisor.log") });
  const hold = await becomeSupervisor(home, version);
  if (hold === null) return await openOther(home, options);
  const shutdown = onShutdown({ log, signals: ["SIGTERM", "SIGINT", "SIGHUP"], exit: (code) => process.exit(code) });
  if (options.home === null) shutdown.add("temporary folder", () => removeHome(home));
  shutdown.add("hold", () => hold.release());
  return await run({ options, environment, home, version, log, shutdown });
}

interface Run {
  readonly options: UpOptions;
  readonly environment: NodeJS.ProcessEnv;
  readonly home: Home;
  readonly version: string;
  readonly log: Log;
  readonly shutdown: Shutdown;
}

async function run(input: Run): Promise<number> {
  const { options, home, shutdown } = input;
  const fresh = !existsSync(home.tokenFile);
  const installation = await begin(input);
  const missing = await installation.waitOnline();
  if (shutdown.closing) return await untilAsked();
  if (missing.length > 0) say(`not connected yet: ${missing.join(", ")}; see ${home.logFolder}`);
  if (installation.driver !== null) say(`the gateway's driver is ${installation.driver}`);
  const { client, endpoints } = installation;
  process.stdout.write(describe(endpoints, home, options.once ? null : await consoleText(client, endpoints)));
  const summary = options.tour && (fresh || options.once) ? await tour(installation, input) : null;
  const json = (): void => {
    const value = summary ?? { endpoints: installation.endpoints };
    if (options.json) process.stdout.write(`${JSON.stringify(value)}\n`);
  };
  if (!options.once) {
    json();
    return await untilAsked();
  }
  await shutdown.close("the single run is over");
  json();
  return summary?.asTold === false ? 1 : 0;
}

const say = (line: string): void => {
  if (heldBack === null) process.stdout.write(`  ${line}\n`);
  else heldBack.push(line);
};

/** Lines that wait while the tour draws on the terminal. */
let heldBack: string[] | null = null;

function sayWhatWasHeldBack(): void {
  const lines = heldBack ?? [];
  heldBack = null;
  for (const line of lines) say(line);
}

/** Starts or adopts everything; asked to end meanwhile, it never returns. */
async function begin(input: Run): Promise<Installation> {
  const { options, home, version, log, shutdown } = input;
  const lived = findMarked(home.folder).length > 0;
  const ran = lived || (await runsApplications(home));
  process.stdout.write(`Evenkeel ${version} in ${home.folder}\n`);
  const settled = (): Promise<void> => starting.then(ignore, ignore);
  const starting = Installation.start({ ...options, ...input, lived, settled, say, claims: new Claims() });
  shutdown.add("start", settled);
  const installation = await starting.catch(async (error: unknown) => {
    if (shutdown.closing) return await untilAsked();
    log.error({ err: error }, "the start failed");
    // What ran before must not end because we could not start: it stays, and so does what we added to it.
    if (!ran) await shutdown.close("the start failed");
    throw error;
  });
  process.on(LEAVE, () => {
    log.info("leaving everything to another supervisor");
    process.exit(0);
  });
  shutdown.add("farewell", () => void process.stdout.write("Stopping everything, applications last …\n"));
  return installation;
}

/** Plays the first run; asked to end in its midst, it is given up. */
async function tour({ client, endpoints }: Installation, { options, home, shutdown }: Run): Promise<TourSummary> {
  const over = new AbortController();
  shutdown.add("tour", () => over.abort());
  const input = { client, gatewayUrl: endpoints.gateway, home: home.folder, once: options.once };
  heldBack = [];
  try {
    return await runTour({ ...input, out: process.stdout, signal: over.signal });
  } catch (error) {
    if (shutdown.closing) return await untilAsked();
    throw error;
  } finally {
    sayWhatWasHeldBack();
  }
}

const ignore = (): void => undefined;

/** The signal ends the process, after everything was closed. */
async function untilAsked(): Promise<never> {
  for (;;) await sleep(2 ** 30);
}

/** The hold on this home; null when another supervisor has it that is not older than we are. */
async function becomeSupervisor(home: Home, version: string): Promise<Hold | null> {
  const until = performance.now() + LEAVE_LIMIT_MS;
  for (;;) {
    const hold = await takeHold(home, version);
    if (hold !== null) return hold;
    const holder = await readHolder(home);
    if (holder !== null && !isNewer(version, holder.version)) return null;
    // It has only just begun and is about to write its name, or it is older and leaves to us.
    if (holder !== null) killIdentity(holder.identity, LEAVE);
    if (holder !== null) await waitGone(holder.identity, LEAVE_LIMIT_MS);
    if (performance.now() > until) return null;
    await sleep(50);
  }
}

async function openOther(home: Home, options: UpOptions): Promise<number> {
  const holder = await readHolder(home);
  const pid = holder?.identity.pid ?? "unknown";
  if (options.once) throw new PlatformError("HOME_IN_USE", { home: home.folder, pid });
  process.stdout.write(
    `Evenkeel runs already in ${home.folder}, process ${pid}, since ${holder?.since ?? "a moment ago"}.\n`,
  );
  const endpoints = await readEndpoints(home);
  if (endpoints === null) process.stdout.write("It is still starting.\n");
  else process.stdout.write(describe(endpoints, home, await consoleOfOther(endpoints, home)));
  return 0;
}

/** Whoever may read the token of this folder gets a link of his own. */
async function consoleOfOther(endpoints: Endpoints, home: Home): Promise<string> {
  const token = await ensureToken(home);
  return await consoleText(administrator(endpoints.controlPlanes, token), endpoints);
}

function describe({ controlPlanes, gateway, gatewayTls }: Endpoints, home: Home, site: string | null): string {
  return [
    "",
    ...(site === null ? [] : [`  Console   ${site}`]),
    `  API       ${controlPlanes.join(", ")}`,
    `  Gateway   ${[gateway, ...(gatewayTls === null ? [] : [gatewayTls])].join(", ")}`,
    `  Command   ${home.commandFile}`,
    `  Logs      ${home.logFolder}`,
    "",
    "  Ctrl-C stops everything; a kill leaves the applications running,",
    "  and the next start takes them over.",
    "",
    "",
  ].join("\n");
}

async function removeHome(home: Home): Promise<void> {
  await removeServerFolder(home.postgresFolder);
  await rm(home.folder, { recursive: true, force: true });
  await rm(home.socketFolder, { recursive: true, force: true });
}
