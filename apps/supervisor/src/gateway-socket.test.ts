import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { connect as connectTls } from "node:tls";
import { endIdentity, killIdentity, type ProcessIdentity } from "@evenkeel/kit/process-identity";
import { afterEach, beforeEach, expect, test } from "vitest";
import { findMarked } from "./part.ts";

let folder: string;
const drivers: ChildProcess[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "gateway-socket-"));
});

afterEach(async () => {
  for (const driver of drivers.splice(0)) driver.kill("SIGKILL");
  await Promise.all(findMarked(folder).map(({ identity }) => endIdentity(identity, "SIGKILL", 5000)));
  rmSync(folder, { recursive: true, force: true });
});

const moduleAt = (name: string): string => JSON.stringify(new URL(name, import.meta.url).pathname);

/** A supervisor of the real gateway alone, in a process of its own: prints the port and how it came by the gateway. */
async function supervise(): Promise<{ driver: ChildProcess; port: number; tlsPort: number; how: string }> {
  const script = `
    const { openHome } = await import(${moduleAt("./home.ts")});
    const { Keeper } = await import(${moduleAt("./keeper.ts")});
    const { Manifest } = await import(${moduleAt("./manifest.ts")});
    const { openGatewaySocket } = await import(${moduleAt("./gateway-socket.ts")});
    const { freePorts } = await import(${moduleAt("./ports.ts")});
    const { Claims } = await import("@evenkeel/kit/claim");
    const { GATEWAY, gatewayPart } = await import(${moduleAt("./parts.ts")});
    const { logTo } = await import("@evenkeel/kit/log");
    const home = await openHome(process.argv[1]);
    const manifest = await Manifest.open(home.manifestFile);
    const log = logTo({ write: () => undefined }, { part: "driver" });
    const keeper = new Keeper({ place: { home: home.folder, logFolder: home.logFolder, version: "1.0.0" }, manifest, log });
    const living = await keeper.findLiving(GATEWAY);
    const claims = new Claims();
    const [free] = await freePorts({ port: 17_800, set: false, count: 1 }, claims);
    const port = living === null ? free : manifest.settings.gatewayPort;
    const socket = await openGatewaySocket({
      handover: home.handoverSocket, log, claims, wanted: { port, set: true }, avoid: [], living: living === null ? null : port,
    });
    const tlsFree = living === null ? (await freePorts({ port: 17_800, set: false, count: 1 }, claims))[0] : manifest.settings.gatewayTlsPort;
    const tls = await openGatewaySocket({
      handover: home.tlsHandoverSocket, log, claims, wanted: { port: tlsFree, set: true }, avoid: [], living: living === null ? null : tlsFree,
    });
    await manifest.setSettings({ controlPlanePorts: [], gatewayPort: socket.port, gatewayTlsPort: tls.port, agentAddresses: {} });
    const spec = gatewayPart({
      home, controlPlanes: [], url: "http://127.0.0.1:" + socket.port, listenFd: () => socket.fd(), tlsFd: () => tls.fd(), invite: async () => "",
    });
    console.log(JSON.stringify({ port: socket.port, tlsPort: tls.port, how: await keeper.keep(spec) }));
  `;
  const driver = spawn(process.execPath, ["--input-type=module", "-e", script, folder], {
    cwd: import.meta.dirname,
    stdio: ["ignore", "pipe", "inherit"],
  });
  drivers.push(driver);
  const [line] = (await once(driver.stdout, "data")) as [Buffer];
  return { driver, ...(JSON.parse(String(line)) as { port: number; tlsPort: number; how: string }) };
}

/** The status of the answer, or the code of what went wrong. */
function ask(port: number): Promise<string> {
  return new Promise((resolve) => {
    const call = request({ host: "127.0.0.1", port, agent: false, timeout: 20_000 }, (response) => {
      response.resume();
      response.on("end", () => resolve(String(response.statusCode)));
    });
    call.on("timeout", () => call.destroy(Object.assign(new Error("time"), { code: "TIMEOUT" })));
    call.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    call.end();
  });
}

/** The code of a handshake with a gateway that has no certificate: answered, but refused. */
function shake(port: number): Promise<string> {
  return new Promise((resolve) => {
    const socket = connectTls({ host: "127.0.0.1", port, servername: "nobody.example.org", rejectUnauthorized: false });
    socket.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    socket.on("secureConnect", () => resolve("taken"));
  });
}

async function gateway(not?: ProcessIdentity): Promise<ProcessIdentity> {
  const find = (): ProcessIdentity | undefined =>
    findMarked(folder).find(({ identity, part }) => part === "gateway" && identity.pid !== not?.pid)?.identity;
  await expect.poll(find, { timeout: 20_000 }).toBeDefined();
  return find() as ProcessIdentity;
}

// A gateway without a route answers 404: answered is answered.
const ANSWERED = "404";
const REFUSED = /^ERR_SSL_|^ECONNRESET$/;

test("a supervisor that comes after a killed one has the socket of the living gateway, and holds it over four kills", async () => {
  const first = await supervise();
  expect(first.how).toBe("started");
  expect(await ask(first.port)).toBe(ANSWERED);
  const killed = once(first.driver, "exit");
  first.driver.kill("SIGKILL");
  await killed;
  expect(await ask(first.port)).toBe(ANSWERED);

  const second = await supervise();
  expect([second.how, second.port, second.tlsPort]).toEqual(["adopted", first.port, first.tlsPort]);
  const outcomes: Promise<string>[] = [];
  let over = false;
  const load = (async () => {
    for (; !over; await sleep(5)) outcomes.push(ask(second.port));
  })();
  let current = await gateway();
  for (let kill = 0; kill < 4; kill += 1) {
    await sleep(300);
    killIdentity(current, "SIGKILL");
    current = await gateway(current);
  }
  over = true;
  await load;
  const counts = Object.groupBy(await Promise.all(outcomes), (outcome) => outcome);
  // Only what the killed gateway had accepted is lost; what came meanwhile waited.
  expect(Object.keys(counts).filter((outcome) => ![ANSWERED, "ECONNRESET"].includes(outcome))).toEqual([]);
  expect(counts.ECONNRESET?.length ?? 0).toBeLessThanOrEqual(8);
  expect(counts[ANSWERED]?.length).toBeGreaterThan(100);
  expect(await shake(second.tlsPort)).toMatch(REFUSED);
});

test("where gateway and supervisor are both dead the port is bound anew", async () => {
  const first = await supervise();
  const exited = once(first.driver, "exit");
  first.driver.kill("SIGKILL");
  await exited;
  await endIdentity(await gateway(), "SIGKILL", 5000);
  expect(await ask(first.port)).toBe("ECONNREFUSED");
  const second = await supervise();
  expect(second.how).toBe("started");
  expect(await ask(second.port)).toBe(ANSWERED);
});
