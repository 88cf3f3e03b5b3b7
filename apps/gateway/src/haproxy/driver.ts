// The data plane as an HAProxy that this process steers.
// Invariants:
// 1. HAProxy serves without us; whatever we know of it can be asked from it anew.
// 2. Tables are put in force one after another, and a restart in its turn: never two at once.
// 3. What is steered is read back; where it is not what was asked for, a new worker starts from the whole table.
// 4. Services on whose requests something is to be decided are served by this process, behind HAProxy. It knows all services at
//    all times, so that none is missing while HAProxy changes from one way to the other.
// 5. An instance drains until every worker, those that finish what they have too, counts 0 for it, and this process too.
import { once } from "node:events";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { InstanceStatistics } from "@evenkeel/contracts/gateway-protocol";
import type { InstanceKey, RouteTable, Upstream } from "@evenkeel/contracts/route-table";
import { makeFolder } from "@evenkeel/kit/durable-file";
import { LISTEN_BACKLOG, listListeners, socketAt } from "@evenkeel/kit/listening";
import type { Log } from "@evenkeel/kit/log";
import { bindSocket, type HeldSocket } from "@evenkeel/kit/socket-handover";
import type { Doors, DrainingRow, Driver, DriverOptions, Listen, Opened, Reached, Serving } from "../driver.ts";
import { DataPlane } from "../node/data-plane.ts";
import { probe } from "../probe.ts";
import { mergeRows } from "../statistics.ts";
import type { Counts } from "./counters.ts";
import type { TableContent } from "./division.ts";
import { Maps } from "./maps.ts";
import { Observer } from "./observer.ts";
import { instanceOf as instanceOfServer, poolsOf, readBackendName, serverName } from "./pool.ts";
import { Program } from "./program.ts";
import { drainingCommand, OWN_SOCKET, render } from "./render.ts";
import type { MapTexts } from "./routing.ts";
import { Runtime } from "./runtime.ts";
import { Servers } from "./servers.ts";
import type { RunningServer } from "./steer.ts";

const DRAIN_LOOK_MS = 20;
const LOOK_MS = 10;
const GONE_MS = 2000;
const AGAIN_MS = 500;
const CLOSE_MS = 10_000;

/** The folder of HAProxy in a gateway's home. */
export const folderOf = (home: string): string => join(home, "haproxy");

export interface HaproxyOptions extends DriverOptions {
  readonly home: string;
  /** The program. */
  readonly command: string;
  readonly log: Log;
}

export class HaproxyDriver implements Driver {
  readonly name = "haproxy";
  readonly sampled = ["latency"] as const;
  readonly #options: HaproxyOptions;
  readonly #runtime: Runtime;
  readonly #program: Program;
  readonly #observer: Observer;
  readonly #servers: Servers;
  readonly #maps: Maps;
  readonly #reached = new Map<string, Reached>();
  /** The driver of this process, behind HAProxy. */
  readonly #own: DataPlane;
  #table: TableContent = EMPTY;
  /** By the names of their servers. */
  #upstreams: ReadonlyMap<string, Upstream> = new Map();
  readonly #versions = new Map<string, string>();
  #structure: string | null = null;
  #opened: Opened | null = null;
  readonly #held: HeldSocket[] = [];
  #draining: readonly DrainingRow[] = [];
  #watching = false;
  #last: Promise<unknown> = Promise.resolve();
  #closing = false;

  private constructor(options: HaproxyOptions, runtime: Runtime) {
    const { command, log, home, onTrouble } = options;
    this.#options = options;
    this.#runtime = runtime;
    this.#servers = new Servers(runtime, log);
    this.#maps = new Maps(runtime, log);
    this.#program = new Program({ folder: folderOf(home), runtime, command, log });
    this.#own = new DataPlane({
      ...options,
      // HAProxy tells where a request came from.
      trustForwarded: true,
      proxies: [],
      onDrained: () => void this.#look(),
      onReached: () => undefined,
    });
    const onGone = (): void => void this.#inTurn(() => this.#revive());
    this.#observer = new Observer({ runtime, program: this.#program, onTrouble, onGone });
  }

  static async create(options: HaproxyOptions): Promise<HaproxyDriver> {
    const folder = folderOf(options.home);
    await makeFolder(folder, 0o700);
    return new HaproxyDriver(options, await Runtime.open(folder));
  }

  async open(doors: Doors): Promise<Opened> {
    await this.#openOwn();
    const adopted = await this.#program.adopt(doors);
    if ("fd" in doors.plain || adopted === null) await this.#hold(doors);
    else this.#opened = adopted;
    await this.#inTurn(async () => {
      if (adopted !== null) {
        this.#structure = await this.#program.structure().catch(() => null);
        await this.#observer.meet({ counted: true });
      }
      await this.#putInForce();
    });
    return this.#standing;
  }

  /** The path of its socket must be short, as HAProxy's are. */
  async #openOwn(): Promise<void> {
    await rm(join(folderOf(this.#options.home), OWN_SOCKET), { force: true });
    // HAProxy gives a request up when the queue is full.
    this.#own.server.listen({ path: this.#runtime.pathOf(OWN_SOCKET), backlog: LISTEN_BACKLOG });
    await once(this.#own.server, "listening");
  }

  async #hold({ plain, tls }: Doors): Promise<void> {
    this.#opened = { plain: await this.#bind(plain), tls: tls === null ? null : await this.#bind(tls) };
  }

  async #bind(listen: Listen): Promise<Serving> {
    if ("fd" in listen) return { ...addressOf(listen.fd), fd: listen.fd };
    const held = await bindSocket(listen);
    this.#held.push(held);
    return { address: held.address, port: held.port, fd: held.fd };
  }

  get #standing(): Opened {
    if (this.#opened === null) throw new Error("not opened");
    return this.#opened;
  }

  async apply(table: RouteTable): Promise<void> {
    const before = this.#upstreams;
    this.#table = table;
    this.#own.apply(table);
    this.#upstreams = new Map(
      table.services.flatMap(({ upstreams }) => upstreams.map((upstream) => [keyOf(upstream), upstream] as const)),
    );
    for (const upstream of this.#upstreams.values()) this.#versions.set(serverName(upstream), upstream.version);
    for (const key of this.#reached.keys()) if (!this.#upstreams.has(key)) this.#reached.delete(key);
    if (this.#opened !== null) await this.#inTurn(() => this.#putInForce());
    for (const [key, upstream] of this.#upstreams) if (!before.has(key)) void this.#probe(key, upstream);
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#last.then(work);
    this.#last = done.catch(() => undefined);
    return done;
  }

  /** Makes HAProxy serve by the table, whatever it does now. */
  async #putInForce(): Promise<void> {
    if (this.#closing) return;
    const rendered = render(this.#table, { ...this.#options, tls: this.#standing.tls !== null });
    if (!this.#program.alive) {
      if (this.#standing.plain.fd === null) await this.#hold(bound(this.#standing));
      await this.#program.start(rendered, this.#standing);
    } else if (this.#structure === rendered.structure && (await this.#steer(rendered.maps))) {
      await this.#look();
      return;
    } else {
      this.#observer.leave();
      await this.#program.reload(rendered, this.#standing);
    }
    this.#structure = rendered.structure;
    this.#servers.forget();
    this.#maps.meet(rendered.maps);
    await this.#observer.meet({ counted: false });
    await this.#look();
  }

  /** False where HAProxy does not do as it was told. */
  async #steer(maps: MapTexts): Promise<boolean> {
    return await this.#servers.steer({
      pools: poolsOf(this.#table),
      first: drainingCommand(this.#table),
      between: this.#maps.hold(maps) ? null : () => this.#maps.steer(maps),
    });
  }

  /** The worker that served has gone: with its master, which is started anew, or without. */
  async #revive(): Promise<void> {
    const until = performance.now() + GONE_MS;
    while (!this.#closing && this.#program.alive && performance.now() < until) {
      if ((await this.#program.structure().catch(() => null)) === this.#structure) {
        this.#servers.forget();
        this.#maps.meet(null);
        await this.#observer.meet({ counted: true });
        return;
      }
      await sleep(LOOK_MS);
    }
    if (this.#closing) return;
    this.#options.log.warn("haproxy has gone");
    try {
      await this.#putInForce();
    } catch (error) {
      this.#options.log.error({ err: error }, "haproxy is not back");
      setTimeout(() => void this.#inTurn(() => this.#revive()), AGAIN_MS).unref();
    }
  }

  cut(instance: InstanceKey): void {
    const draining = this.#table.services.some(({ upstreams }) =>
      upstreams.some((upstream) => upstream.instance === instance && upstream.draining),
    );
    this.#own.cut(instance);
    if (draining) void this.#inTurn(() => this.#shutDown((server) => instanceOf(server) === instance));
  }

  /** Ends what is in flight on these servers, of whatever table. */
  async #shutDown(chosen: (server: RunningServer) => boolean): Promise<void> {
    const running = await this.#servers.read();
    const commands = running.filter(chosen).map(({ backend, name }) => `shutdown sessions server ${backend}/${name}`);
    await this.#runtime.tell(commands);
    for (const pid of this.#observer.old) {
      for (const command of commands) await this.#runtime.askOld(pid, command).catch(() => undefined);
    }
    await this.#look();
  }

  draining(): DrainingRow[] {
    return [...this.#draining];
  }

  reached(): Reached[] {
    return [...this.#reached.values()];
  }

  /** Counts what draining instances have in hand; says so when the last of one has ended. */
  async #look(): Promise<void> {
    const draining = [...this.#upstreams.values()].filter((upstream) => upstream.draining);
    if (draining.length === 0) {
      this.#draining = [];
      return;
    }
    const workers = await this.#observer.counts().catch(() => null);
    if (workers === null) return;
    const before = new Map(this.#draining.map((row) => [row.instance, row]));
    const own = new Map(this.#own.draining().map((row) => [row.instance, row]));
    this.#draining = draining.map((upstream) => {
      const row = inHand(upstream, [...workers.values()].flat());
      const { inFlight = 0, longLived = 0 } = own.get(upstream.instance) ?? {};
      return { ...row, inFlight: row.inFlight + inFlight, longLived: row.longLived + longLived };
    });
    const emptied = this.#draining.some(
      ({ instance, inFlight }) => inFlight === 0 && (before.get(instance)?.inFlight ?? 0) > 0,
    );
    if (emptied) this.#options.onDrained();
    void this.#watchDraining();
  }

  async #watchDraining(): Promise<void> {
    if (this.#watching) return;
    this.#watching = true;
    while (!this.#closing && this.#draining.some(({ inFlight }) => inFlight > 0)) {
      await sleep(DRAIN_LOOK_MS);
      await this.#look();
    }
    this.#watching = false;
  }

  async takeStatistics(): Promise<InstanceStatistics[]> {
    if (this.#opened === null || this.#closing) return [];
    try {
      const rows = await this.#observer.take((server) => this.#versions.get(server) ?? "");
      await this.#look();
      await this.#inTurn(() => this.#tidy());
      return mergeRows([...rows, ...this.#own.takeStatistics()]);
    } catch (error) {
      this.#options.log.warn({ problem: (error as Error).message }, "no statistics");
      return [];
    }
  }

  async #tidy(): Promise<void> {
    const removed = await this.#servers.tidy(poolsOf(this.#table));
    if (!removed && this.#observer.old.length === 0) this.#forgetVersions();
  }

  #forgetVersions(): void {
    const known = new Set([...this.#upstreams.values()].map(serverName));
    for (const name of this.#versions.keys()) if (!known.has(name)) this.#versions.delete(name);
  }

  async #probe(key: string, upstream: Upstream): Promise<void> {
    const problem = await probe(upstream, () => this.#upstreams.has(key) && !this.#closing);
    if (problem === null) return;
    const reached = { instance: upstream.instance, problem };
    this.#reached.set(key, reached);
    this.#options.onReached(reached);
  }

  async close(hurry: AbortSignal): Promise<void> {
    this.#closing = true;
    await this.#last;
    // Upgraded connections would not end of themselves.
    await this.#shutDown(({ backend }) => readBackendName(backend)?.mode === "raw").catch(() => undefined);
    this.#observer.leave();
    await this.#program.stop(CLOSE_MS, hurry);
    await this.#own.close(hurry);
    for (const held of this.#held) held.close();
    await this.#runtime.close();
  }
}

const EMPTY: TableContent = { routes: [], services: [], marks: [], callers: [], entry: null, certificates: [] };

/** Where the socket behind this descriptor listens. */
function addressOf(fd: number): { address: string; port: number } {
  const inode = socketAt(`/proc/self/fd/${fd}`);
  const listener = listListeners().find((one) => one.inode === inode);
  if (listener === undefined) throw new Error(`descriptor ${fd} is no listening socket`);
  return { address: listener.address, port: listener.port };
}

/** The same doors, to be bound anew. */
function bound({ plain, tls }: Opened): Doors {
  const at = ({ address, port }: Serving): Listen => ({ host: address, port });
  return { plain: at(plain), tls: tls === null ? null : at(tls) };
}

const keyOf = (upstream: Upstream): string => `${upstream.instance} ${serverName(upstream)}`;

function instanceOf({ backend, name }: RunningServer): InstanceKey | null {
  const service = readBackendName(backend)?.serviceId;
  return service === undefined ? null : instanceOfServer(service, name);
}

function inHand(upstream: Upstream, counts: readonly Counts[]): DrainingRow {
  const row = { instance: upstream.instance, inFlight: 0, longLived: 0 };
  const server = serverName(upstream);
  for (const count of counts) {
    if (count.server !== server) continue;
    const name = readBackendName(count.backend);
    if (name === null || !upstream.instance.startsWith(name.serviceId)) continue;
    if (name.mode === "raw") row.longLived += count.current;
    else row.inFlight += count.current;
  }
  return row;
}
