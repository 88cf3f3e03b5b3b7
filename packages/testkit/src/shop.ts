import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { ensureApplication, RELEASE_ORDER, releaseOf } from "@evenkeel/client/deployment";
import { fileSource } from "@evenkeel/client/node/file-source";
import { packFolder } from "@evenkeel/client/node/pack";
import { followChange } from "@evenkeel/client/snapshot";
import { uploadPackage } from "@evenkeel/client/upload";
import type { Change } from "@evenkeel/contracts/change";
import { isTerminal } from "@evenkeel/contracts/change-state";
import type { Package } from "@evenkeel/contracts/package";
import { type Instance, Manifest, type Service } from "@evenkeel/contracts/service";
import { type Load, type LoadOptions, startLoad } from "@evenkeel/load/load";
import type { Platform } from "./platform.ts";

/** One version of the shop and how it is released; what is left out is small and quick. */
export interface ShopVersion {
  readonly version: string;
  /** The address that it listens on: its host's own, or all of this machine. */
  readonly listen?: "host" | "wildcard";
  /** What its health address answers. */
  readonly health?: number;
  /** What is wrong with it, though its health address answers. */
  readonly flaws?: Flaws;
  /** Fields of the manifest that differ. */
  readonly manifest?: Readonly<Record<string, unknown>>;
  readonly strategy?: Readonly<Record<string, unknown>>;
  /** More files of the package. */
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
}

export interface Flaws {
  /** One of so many requests is answered 500. */
  readonly failOneOf?: number;
  /** So likely is a 500, by chance. */
  readonly failChance?: number;
  /** One of so many requests takes `slowMs`. */
  readonly slowOneOf?: number;
  readonly slowMs?: number;
  /** Memory that it takes and never gives back. */
  readonly leakMb?: number;
  /** It ends so many requests after its start. */
  readonly diesAfter?: number;
  /** Its health address answers 500 after so many requests. */
  readonly sickAfter?: number;
  /** Its health address answers 500 until there is this file. */
  readonly sickUntil?: string;
}

/** What the shop did on a host, one for each line of its side-effect file. */
export interface Effect {
  readonly what: "start" | "stop";
  readonly version: string;
  readonly host: string;
  readonly pid: number;
  /** When the process began, in clock ticks since boot: a pid comes again after a while. */
  readonly startTicks: number;
}

const QUICK = { startSeconds: 30, intervalSeconds: 0.3 };
/** Keeps a few requests in flight at every instance under the load. */
const ANSWER_MS = 40;

/**
 * The application of the journeys. It falls at the first SIGTERM with whatever it has in hand: only the platform's drain
 * saves its requests. Each start and each stop of it is a line in a file, on the disk before it goes on.
 */
export class Shop {
  readonly platform: Platform;
  readonly name: string;
  readonly effectsFile: string;
  readonly #folder: string;

  constructor(platform: Platform, name = "shop") {
    this.platform = platform;
    this.name = name;
    this.#folder = join(platform.home, "test", name);
    this.effectsFile = join(this.#folder, "effects");
  }

  get hostHeader(): string {
    return `${this.name}.localhost`;
  }

  /** Writes the folder that a developer of it would have, manifest included. */
  write(what: ShopVersion): string {
    const folder = join(this.#folder, what.version);
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "server.mjs"), serverOf(what));
    for (const [name, text] of Object.entries(what.files ?? {})) writeFileSync(join(folder, name), text);
    writeFileSync(join(folder, "evenkeel.yaml"), JSON.stringify(this.#fields(what)));
    return folder;
  }

  #fields({ version, manifest, strategy }: ShopVersion): Record<string, unknown> {
    return {
      ...{ application: this.name, version, start: "node server.mjs", buildpack: "process" },
      health: { path: "/healthz", ...QUICK },
      routes: [{ host: this.hostHeader, path: "/" }],
      drain: { seconds: 20 },
      ...manifest,
      env: { EFFECTS: this.effectsFile, ...(manifest?.env as object | undefined) },
      strategy: { batches: { by: "zone" }, minimumHealthySeconds: 0.3, ...strategy },
    };
  }

  async upload(what: ShopVersion): Promise<Package> {
    const { client } = this.platform;
    const file = join(this.#folder, `${what.version}.tar.gz`);
    await packFolder(this.write(what), file);
    await ensureApplication(client, this.name);
    return await uploadPackage(client, {
      application: this.name,
      version: what.version,
      source: await fileSource(file),
    });
  }

  /** Uploads, and says what a release of it asks for. */
  async specOf(what: ShopVersion): Promise<ReturnType<typeof releaseOf>> {
    const { version, digest } = await this.upload(what);
    return releaseOf(Manifest.parse(this.#fields(what)), { version, digest });
  }

  /** Uploads and plans. */
  async plan(what: ShopVersion): Promise<Change> {
    const body = { kind: RELEASE_ORDER, spec: await this.specOf(what) };
    return await this.platform.client.createChange({ body });
  }

  /** Uploads, plans and starts. */
  async start(what: ShopVersion): Promise<Change> {
    const { id } = await this.plan(what);
    return await this.platform.client.startChange({ params: { changeId: id }, body: {} });
  }

  /** Releases and waits until it has ended or waits for a person. */
  async release(what: ShopVersion): Promise<Change> {
    return await settled(this.platform, await this.start(what));
  }

  async service(): Promise<Service> {
    const [service] = (await this.platform.client.listServices({ query: { name: this.name } })).items;
    if (service === undefined) throw new Error(`there is no service ${this.name}`);
    return service;
  }

  /** The instances that are not stopped, in the order of their hosts. */
  async instances(): Promise<Instance[]> {
    const { id } = await this.service();
    const { items } = await this.platform.client.listInstances({ params: { serviceId: id } });
    const there = items.filter(({ state }) => state !== "stopped");
    return there.toSorted((one, other) => one.hostName.localeCompare(other.hostName));
  }

  /** Everything that it did on its hosts so far, in order. */
  effects(): Effect[] {
    const lines = readFileSync(this.effectsFile, "utf8").trim().split("\n");
    return lines.map((line) => {
      const [what, version = "", host = "", pid, startTicks] = line.split(" ");
      return { what: what as Effect["what"], version, host, pid: Number(pid), startTicks: Number(startTicks) };
    });
  }

  load(rate = 200, options: Partial<LoadOptions> = {}): Load {
    return startLoad({ url: `${this.platform.gateway}/`, hostHeader: this.hostHeader, rate, ...options });
  }

  /** One request through the gateway on a connection of its own; `holdMs` keeps its answer open in the middle. */
  ask(holdMs = 0): Promise<Answer> {
    const url = new URL(`/?holdMs=${holdMs}`, this.platform.gateway);
    return new Promise((resolve, reject) => {
      const call = request(url, { agent: false, headers: { host: this.hostHeader } }, (response) => {
        const begun = response.headers["x-version"];
        let text = "";
        response.on("data", (bytes) => (text += bytes));
        response.on("error", reject);
        response.on("end", () => resolve({ status: response.statusCode ?? 0, version: String(begun), text }));
      });
      call.on("error", reject);
      call.end();
    });
  }
}

/** What one request was answered. */
export interface Answer {
  readonly status: number;
  readonly version: string;
  readonly text: string;
}

/** Waits until the change has ended, or nothing of it goes on without a person. */
export async function settled({ client }: Pick<Platform, "client">, { id }: Pick<Change, "id">): Promise<Change> {
  const resting = ["failed", "paused", "awaiting-confirmation", "planned"];
  for await (const { change } of followChange(client, id)) {
    if (isTerminal(change.state) || resting.includes(change.state)) return change;
  }
  throw new Error(`change ${id} is followed no more`);
}

/** Follows the change until this is true of it; an end before that is an error that says how it ended. */
export async function until(
  { client }: Pick<Platform, "client">,
  { id }: Pick<Change, "id">,
  isSo: (change: Change) => boolean,
): Promise<Change> {
  let last = "";
  for await (const { change } of followChange(client, id)) {
    if (isSo(change)) return change;
    last = `${change.state} ${JSON.stringify(change.problem)}`;
  }
  throw new Error(`change ${id} ended as ${last}`);
}

function serverOf({ version, listen = "host", health = 200, flaws = {} }: ShopVersion): string {
  const { failOneOf = 0, failChance = 0, slowOneOf = 0, slowMs = 0, leakMb = 0, diesAfter = 0 } = flaws;
  const { sickAfter = 0, sickUntil = "" } = flaws;
  return `import { closeSync, existsSync, fsyncSync, openSync, readFileSync, writeSync } from "node:fs";
import { createServer } from "node:http";

const { HOST, PORT, EFFECTS } = process.env;
const startTicks = readFileSync("/proc/self/stat", "latin1").split(") ").at(-1).split(" ")[19];
const note = (what) => {
  const file = openSync(EFFECTS, "a");
  writeSync(file, what + " ${version} " + HOST + " " + process.pid + " " + startTicks + "\\n");
  fsyncSync(file);
  closeSync(file);
};
const version = "${version}";
const about = JSON.stringify({ version, host: HOST, pid: process.pid, word: process.env.WORD });

let served = 0;
globalThis.leak = Buffer.alloc(${leakMb} * 1024 ** 2, version);

const server = createServer((request, response) => {
  response.setHeader("x-version", "${version}");
  const waits = ${JSON.stringify(sickUntil)};
  const sick = (${sickAfter} > 0 && served >= ${sickAfter}) || (waits !== "" && !existsSync(waits));
  if (request.url === "/healthz") return response.writeHead(sick ? 500 : ${health}).end("health");
  served += 1;
  if (served === ${diesAfter}) process.exit(1);
  if (${failOneOf} > 0 && served % ${failOneOf} === 0) return response.writeHead(500).end("flaw");
  if (Math.random() < ${failChance}) return response.writeHead(500).end("flaw");
  if (${slowOneOf} > 0 && served % ${slowOneOf} === 0) return setTimeout(() => response.end(about), ${slowMs});
  if (request.method === "POST") return setTimeout(() => request.pipe(response), ${ANSWER_MS});
  const holdMs = Number(new URL(request.url, "http://shop").searchParams.get("holdMs"));
  if (holdMs > 0) response.write("held ");
  setTimeout(() => response.end(about), holdMs || ${ANSWER_MS});
});
server.listen(Number(PORT)${listen === "host" ? ", HOST" : ""}, () => note("start"));

process.on("SIGTERM", () => {
  note("stop");
  process.exit(0);
});
`;
}
