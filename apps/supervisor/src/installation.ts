import { readFileSync } from "node:fs";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Client } from "@evenkeel/client/client";
import { PlatformError } from "@evenkeel/contracts/error";
import { type Log, rotateLog } from "@evenkeel/kit/log";
import { endIdentity, type ProcessIdentity, readEnvironment } from "@evenkeel/kit/process-identity";
import type { Shutdown } from "@evenkeel/kit/shutdown";
import { type Database, type OpenDatabase, openDatabase } from "./database.ts";
import { type Endpoints, writeCommand, writeEndpoints } from "./endpoints.ts";
import { type GatewaySocket, openGatewaySocket } from "./gateway-socket.ts";
import type { Home } from "./home.ts";
import { Keeper } from "./keeper.ts";
import { Manifest, type Settings } from "./manifest.ts";
import { printedNews } from "./news.ts";
import { logFileOf, type PartPlace, type PartSpec, versionOf } from "./part.ts";
import {
  agentPart,
  controlPlanePart,
  GATEWAY,
  gatewayName,
  gatewayPart,
  hasJoined,
  LOCAL_HOSTS,
  localHosts,
  STOP_HOST,
  TLS_FD,
  urlOf,
  WORKSPACE,
} from "./parts.ts";
import {
  administrator,
  ensureSecretKey,
  ensureToken,
  ensureWorkspace,
  invite,
  isHealthy,
  killedReplicasCount,
  waitFor,
} from "./provision.ts";
import { endRemaining } from "./remaining.ts";
import { type Asked, chooseAddresses, chooseControlPlanePorts, chooseGatewayPort, chooseTlsPort } from "./settings.ts";

// 1. Nothing is started that lives: each part is looked for first, and the ports that living parts know are kept.
// 2. Parts that have joined start without the control plane; the others wait for it and for their token.
// 3. Killed anywhere in here, the next start finds what lives and does the rest.

/** What a start needs. */
export interface StartInput extends Asked {
  readonly home: Home;
  readonly version: string;
  readonly log: Log;
  readonly shutdown: Shutdown;
  /** True when parts of this home live already. */
  readonly lived: boolean;
  /** Ends when the start has ended, however. */
  settled(): Promise<void>;
  say(line: string): void;
}

const READY_LIMIT_MS = 120_000;
const ONLINE_LIMIT_MS = 60_000;
const GIVE_UP_AFTER = 6;
const ROTATION = { maxBytes: 10_000_000, keep: 3 };
const ROTATE_EACH_MS = 10_000;

/** What a living agent or gateway was told and cannot learn otherwise. */
const TOLD = ["EVENKEEL_CONTROL_PLANES", TLS_FD];

interface Parts {
  /** Of gateway and hosts, as the installation knows them. */
  readonly names: readonly string[];
  readonly controlPlanes: readonly PartSpec[];
  readonly gateway: PartSpec;
  readonly agents: readonly PartSpec[];
}

/** All parts of this machine. */
export class Installation {
  readonly endpoints: Endpoints;
  readonly client: Client;
  readonly token: string;
  /** Of its gateway, as soon as that is online. */
  driver: string | null = null;
  readonly #input: StartInput;
  readonly #keeper: Keeper;
  readonly #database: Promise<Database>;
  readonly #parts: Parts;

  private constructor(fields: Fields) {
    this.endpoints = fields.endpoints;
    this.client = fields.client;
    this.token = fields.token;
    this.#input = fields.input;
    this.#keeper = fields.keeper;
    this.#database = fields.database;
    this.#parts = fields.parts;
  }

  /** Starts or adopts every part; what it opens is added to `shutdown`, the applications to be closed last. */
  static async start(input: StartInput): Promise<Installation> {
    const { home, log, say, version } = input;
    const token = await ensureToken(home);
    await ensureSecretKey(home);
    const manifest = await Manifest.open(home.manifestFile);
    const place: PartPlace = { home: home.folder, logFolder: home.logFolder, version };
    const news = printedNews(say);
    const keeper = new Keeper({ place, manifest, log, news });
    const kept = input.lived ? manifest.settings : null;
    const ports = await chooseControlPlanePorts(kept, input);
    const living = await keeper.findLiving(GATEWAY);
    const { socket, tlsSocket } = await openSockets(input, {
      known: kept,
      living: living === null ? null : kept,
      ports,
    });
    const tlsPort = tlsSocket?.port ?? null;
    const addresses = await chooseAddresses(manifest, input);
    await manifest.setSettings({
      controlPlanePorts: ports,
      gatewayPort: socket.port,
      gatewayTlsPort: tlsPort,
      agentAddresses: addresses,
    });
    rotateLogs(home);
    const database = beginDatabase({ home, log, news, named: input.environment.DATABASE_URL }, say);
    const controlPlanes = ports.map(urlOf);
    const client = administrator(controlPlanes, token);
    const gatewayTls = tlsPort === null ? null : urlOf(tlsPort).replace("http:", "https:");
    const gateway = urlOf(socket.port);
    const endpoints = { controlPlanes, gateway, gatewayTls, pid: process.pid, home: home.folder, version };
    const { restoredAs } = manifest;
    const parts = makeParts({
      home,
      restoredAs,
      ports,
      endpoints,
      socket,
      tlsSocket,
      addresses,
      client,
      databaseUrl: async () => (await database).url,
    });
    const installation = new Installation({ endpoints, client, token, input, keeper, database, parts });
    installation.#closeInOrder(tlsSocket === null ? [socket] : [socket, tlsSocket]);
    await keeper.endOthers([...parts.controlPlanes, parts.gateway, ...parts.agents].map(({ name }) => name));
    await writeCommand(home);
    await writeEndpoints(home, endpoints);
    await installation.#startParts();
    return installation;
  }

  /** Waits until gateway and hosts are connected; names those that are not after a while. */
  async waitOnline(): Promise<string[]> {
    let missing: string[] = [];
    const answers = async (): Promise<boolean> => {
      const hosts = await this.client.listHosts({ query: { workspace: WORKSPACE, limit: 200 } });
      const gateways = await this.client.listGateways({ query: { workspace: WORKSPACE } });
      this.driver = gateways.items.find(({ name }) => this.#parts.names.includes(name))?.driver ?? null;
      const online = [...hosts.items, ...gateways.items]
        .filter(({ state }) => state === "online")
        .map(({ name }) => name);
      missing = this.#parts.names.filter((name) => !online.includes(name));
      return missing.length === 0 && !(await killedReplicasCount(this.client, this.endpoints.controlPlanes));
    };
    const patient = (): Promise<boolean> => answers().catch(falseIfAway);
    await waitFor("hosts", { answers: patient, check: () => this.#checkClosing(), ms: ONLINE_LIMIT_MS }).catch(
      falseIfAway,
    );
    return missing;
  }

  /** Closed in the reverse of this order: first who gives orders, then the way in, then the data, applications last. */
  #closeInOrder(sockets: readonly GatewaySocket[]): void {
    const { shutdown, home } = this.#input;
    const keeper = this.#keeper;
    shutdown.add("supervision", async () => {
      keeper.release();
      await rm(home.endpointsFile, { force: true });
    });
    shutdown.add("applications", async (hurry) => {
      const stop = { hurry, signal: STOP_HOST };
      await Promise.all(this.#parts.agents.map(({ name }) => keeper.stop(name, stop)));
      const left = await endRemaining(home);
      if (left > 0) this.#input.log.warn({ left }, "ended what the agents had left running");
    });
    shutdown.add("database", async () => (await this.#database.catch(() => null))?.stop());
    shutdown.add("gateway", async (hurry) => {
      await keeper.stop(GATEWAY.name, { hurry });
      for (const socket of sockets) socket.close();
    });
    shutdown.add("control planes", async (hurry) => {
      await Promise.all(this.#parts.controlPlanes.map(({ name }) => keeper.stop(name, { hurry })));
    });
    // Asked to end in the middle of the start: first let it end, then stop what has come of it.
    shutdown.add("start", this.#input.settled);
  }

  async #startParts(): Promise<void> {
    const { home } = this.#input;
    const { controlPlanes, gateway, agents } = this.#parts;
    const folders = new Map([[gateway, home.gatewayFolder]]);
    for (const [index, agent] of agents.entries()) folders.set(agent, home.agentFolder(LOCAL_HOSTS[index]?.name ?? ""));
    const joined = [...folders.keys()].filter((part) => hasJoined(folders.get(part) ?? ""));
    // Before the database, which may take long over what a crash has left: users come through the gateway, and hosts are waited for.
    await Promise.all(joined.map((part) => this.#keepAsTold(part)));
    for (const [index, part] of controlPlanes.entries()) await this.#keepControlPlane(part, index);
    await ensureWorkspace(this.client);
    const others = [...folders.keys()].filter((part) => !joined.includes(part));
    await Promise.all(others.map((part) => this.#keepAsTold(part)));
  }

  /** Of an older version, or on another port: replaced, one after the other, so that with replicas one always answers. */
  async #keepControlPlane(part: PartSpec, index: number): Promise<void> {
    const living = await this.#keeper.findLiving(part);
    const wanted = (await part.environment()).EVENKEEL_PORT;
    const asTold =
      living !== null &&
      versionOf(living) === this.#input.version &&
      readEnvironment(living.pid)?.EVENKEEL_PORT === wanted;
    if (living !== null && !asTold) await endIdentity(living, part.stop.signal, part.stop.ms);
    await this.#keep(part);
    const url = this.endpoints.controlPlanes[index] ?? "";
    const check = (): void => this.#checkFailures(part);
    await waitFor(`the control plane at ${url}`, { answers: () => isHealthy(url), check, ms: READY_LIMIT_MS });
  }

  /** A part that knows other control planes is started anew; the applications of an agent do not notice. */
  async #keepAsTold(part: PartSpec): Promise<void> {
    const living = await this.#keeper.findLiving(part);
    const otherwise = living !== null && (await isToldOtherwise(living, part));
    if (otherwise) await endIdentity(living, part.stop.signal, part.stop.ms);
    await this.#keep(part);
  }

  async #keep(part: PartSpec): Promise<void> {
    this.#checkClosing();
    const how = await this.#keeper.keep(part);
    this.#input.say(`${part.name} ${how}`);
  }

  #checkClosing(): void {
    if (this.#input.shutdown.closing)
      throw new PlatformError("UNAVAILABLE", { what: "an installation that is being stopped" });
  }

  #checkFailures({ name }: PartSpec): void {
    this.#checkClosing();
    if (this.#keeper.failuresOf(name) < GIVE_UP_AFTER) return;
    const log = logFileOf(this.#input.home, name);
    throw new PlatformError("PART_FAILED", { part: name, problem: `it ends again and again: ${lastLine(log)}`, log });
  }
}

interface SocketsInput {
  readonly known: Settings | null;
  /** The settings of the gateway that lives; null when none does. */
  readonly living: Settings | null;
  /** Those of the control planes. */
  readonly ports: readonly number[];
}

/** The sockets of the gateway: in the clear, and for TLS where that is wanted. */
async function openSockets(input: StartInput, { known, living, ports }: SocketsInput): Promise<Sockets> {
  const { home, log, claims } = input;
  const socket = await openGatewaySocket({
    log,
    claims,
    handover: home.handoverSocket,
    wanted: chooseGatewayPort(known, input),
    avoid: ports,
    living: living?.gatewayPort ?? null,
  });
  const wanted = chooseTlsPort(known, input);
  if (wanted === null) return { socket, tlsSocket: null };
  const tlsSocket = await openGatewaySocket({
    log,
    claims,
    handover: home.tlsHandoverSocket,
    wanted,
    avoid: [...ports, socket.port],
    living: living?.gatewayTlsPort ?? null,
  });
  return { socket, tlsSocket };
}

async function isToldOtherwise({ pid }: ProcessIdentity, part: PartSpec): Promise<boolean> {
  const [told, wanted] = [readEnvironment(pid), await part.environment()];
  return TOLD.some((name) => told?.[name] !== wanted[name]);
}

interface Fields {
  readonly endpoints: Endpoints;
  readonly client: Client;
  readonly token: string;
  readonly input: StartInput;
  readonly keeper: Keeper;
  readonly database: Promise<Database>;
  readonly parts: Parts;
}

function beginDatabase(input: OpenDatabase, say: StartInput["say"]): Promise<Database> {
  const opening = openDatabase(input).then((database) => {
    say(database.summary);
    if (database.notice !== null) say(database.notice);
    return database;
  });
  // Heard by whoever needs its address; until then it is not unheard.
  opening.catch(() => undefined);
  return opening;
}

interface Sockets {
  readonly socket: GatewaySocket;
  readonly tlsSocket: GatewaySocket | null;
}

interface PartsInput extends Sockets {
  readonly home: Home;
  readonly restoredAs: number | null;
  readonly ports: readonly number[];
  readonly endpoints: Endpoints;
  readonly addresses: Readonly<Record<string, string>>;
  readonly client: Client;
  databaseUrl(): Promise<string>;
}

function makeParts(input: PartsInput): Parts {
  const { home, restoredAs, ports, endpoints, socket, tlsSocket, addresses, client, databaseUrl } = input;
  const { controlPlanes, gateway: url } = endpoints;
  const hosts = localHosts(restoredAs);
  const name = gatewayName(restoredAs);
  return {
    names: [...hosts.map((host) => host.name), name],
    controlPlanes: ports.map((port, index) => controlPlanePart({ home, index, port, databaseUrl })),
    gateway: gatewayPart({
      home,
      name,
      controlPlanes,
      url,
      listenFd: () => socket.fd(),
      tlsFd: tlsSocket === null ? null : () => tlsSocket.fd(),
      invite: () => invite(client, "gateway"),
    }),
    agents: hosts.map((host) =>
      agentPart({ home, host, controlPlanes, address: addresses[host.name] ?? "", invite: () => invite(client, host) }),
    ),
  };
}

/** The control plane may be killed while we ask, and hosts may stay away: neither ends the platform. */
function falseIfAway(error: unknown): false {
  if (error instanceof PlatformError) return false;
  throw error;
}

const LONGEST_LINE = 300;

function lastLine(path: string): string {
  return readFileSync(path, "utf8").trim().split("\n").at(-1)?.slice(0, LONGEST_LINE) ?? "";
}

function rotateLogs(home: Home): void {
  const timer = setInterval(async () => {
    const names = await readdir(home.logFolder).catch(() => []);
    for (const name of names.filter((each) => each.endsWith(".log"))) {
      await rotateLog(join(home.logFolder, name), ROTATION).catch(() => undefined);
    }
  }, ROTATE_EACH_MS);
  timer.unref();
}
