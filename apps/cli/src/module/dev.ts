import { once } from "node:events";
import { watch } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, request as httpRequest, type IncomingMessage } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createBase, shareLibraries } from "@evenkeel/base";
import { readModuleFile } from "@evenkeel/client/node/module-file";
import { line, span } from "@evenkeel/client/text/line";
import { BASE_PATH, BaseFailure, type BaseInput, InstallResult } from "@evenkeel/contracts/base-protocol";
import { PlatformError } from "@evenkeel/contracts/error";
import { MODULE_FILE, type ModuleManifest } from "@evenkeel/contracts/module";
import type { Cli } from "../context.ts";
import { type BuiltModule, buildModule } from "./build.ts";

const SETTLE_MS = 20;

export interface DevOptions {
  readonly socket?: string;
  readonly port: number;
}

type Install = (input: BaseInput<"install">) => Promise<InstallResult>;

interface DevBase {
  readonly isOwn: boolean;
  readonly install: Install;
  readonly close: () => Promise<void>;
}

/** Builds at every save and replaces the module, until Ctrl-C. */
export async function runDev(cli: Cli, folder: string, options: DevOptions): Promise<void> {
  const manifest = await readModuleFile(folder);
  const scratch = await mkdtemp(join(tmpdir(), "evenkeel-dev-"));
  const base =
    options.socket === undefined ? await ownBase(cli, { folder, manifest, options }) : remoteBase(options.socket);
  const stop = Promise.withResolvers<void>();
  process.once("SIGINT", () => stop.resolve());
  process.once("SIGTERM", () => stop.resolve());
  const saves = new Saves(folder, () => replace({ cli, folder, scratch, base }));
  try {
    await saves.run(stop.promise);
  } finally {
    await base.close();
    await rm(scratch, { recursive: true, force: true });
  }
}

interface OwnBase {
  readonly folder: string;
  readonly manifest: ModuleManifest;
  readonly options: DevOptions;
}

async function ownBase(cli: Cli, { folder, manifest, options }: OwnBase): Promise<DevBase> {
  const libraries = shareLibraries(createRequire(join(folder, "index.js")), Object.keys(manifest.needs.libraries));
  const snippets = manifest.provides.snippet === undefined ? [] : [manifest.provides.snippet];
  // Ctrl-C is for this command; where somebody listens to SIGINT no module can be interrupted by it.
  const base = await createBase({ name: "dev", version: "0.0.0", libraries, snippets, watchdog: false });
  const server = createServer((request, response) => {
    if (!base.handle(request, response)) response.writeHead(404).end("no module answers here\n");
  });
  server.on("upgrade", (request, socket, head) => {
    if (!base.upgrade(request, socket, head)) socket.destroy();
  });
  server.listen(options.port, "127.0.0.1");
  await once(server, "listening");
  cli.note(line(`base on http://127.0.0.1:${(server.address() as AddressInfo).port}`, span("  Ctrl-C ends it", "dim")));
  return {
    isOwn: true,
    install: (input) => base.perform("install", input, "dev"),
    close: async () => {
      server.close();
      await base.close();
      server.closeAllConnections();
    },
  };
}

function remoteBase(socketPath: string): DevBase {
  const install: Install = async (input) => {
    const request = httpRequest({ socketPath, path: `${BASE_PATH}/install`, method: "POST" });
    request.end(JSON.stringify(input));
    const [response] = (await once(request, "response")) as [IncomingMessage];
    let text = "";
    for await (const chunk of response) text += String(chunk);
    if (response.statusCode === 200) return InstallResult.parse(JSON.parse(text));
    const { problem, stack } = BaseFailure.parse(JSON.parse(text));
    const cause = Object.assign(new Error(problem.title), { stack: stack ?? undefined });
    throw new PlatformError(problem.code, problem.facts, { cause });
  };
  return { isOwn: false, install, close: () => Promise.resolve() };
}

interface Replacing {
  readonly cli: Cli;
  readonly folder: string;
  readonly scratch: string;
  readonly base: DevBase;
}

const NO_SERVICES =
  "  a base of its own has no services: start yours with EVENKEEL_BASE_SOCKET=/tmp/base.sock, and give --socket /tmp/base.sock";

let builds = 0;

/** Each save is a version of its own, so that the one before serves until the new one is active. */
async function replace({ cli, folder, scratch, base }: Replacing): Promise<void> {
  try {
    const manifest = await readModuleFile(folder);
    builds += 1;
    const version = `${manifest.version.replace(/[-+].*$/, "")}-dev.${process.pid}.${builds}`;
    const beganAt = performance.now();
    const built = await buildModule({ folder, manifest: { ...manifest, version }, base: null, node: null });
    const path = join(scratch, `${version}.jar`);
    await writeFile(path, built.bytes);
    const result = await base.install(installing(built, path));
    await rm(path);
    const ms = Math.round(performance.now() - beganAt);
    cli.note(line(span("✔", "good"), ` ${manifest.name}@${version} serves `, span(`${ms} ms`, "dim")));
    if (cli.json) cli.io.stdout.write(`${JSON.stringify(result)}\n`);
  } catch (error) {
    if (!(error instanceof PlatformError)) throw error;
    const stack = error.cause instanceof Error ? (error.cause.stack ?? "") : "";
    cli.note(
      line(span("✖ ", "bad"), error.message),
      ...ownFrames(stack).map((frame) => line(span(`  │ ${frame}`, "dim"))),
      line(span("  what served before serves on", "dim")),
    );
    if (base.isOwn && error.code === "SERVICE_MISSING") cli.note(line(span(NO_SERVICES, "dim")));
    if (cli.json)
      cli.io.stdout.write(`${JSON.stringify({ error: { code: error.code, facts: error.facts, stack } })}\n`);
  }
}

/** Where in the module it was. */
const ownFrames = (stack: string): string[] =>
  stack
    .split("\n")
    .filter((frame) => /^\s+at .*module:/.test(frame))
    .map((frame) => frame.trim());

function installing({ digest }: BuiltModule, path: string): BaseInput<"install"> {
  const operationId = `dev-${process.pid}-${builds}`;
  return { operationId, bundle: { path, digest }, activate: true, replace: true, publish: { tags: {} } };
}

/** Saves of a folder, one handled after another; those that come meanwhile are one more. */
class Saves {
  readonly #folder: string;
  readonly #handle: () => Promise<void>;
  #wake: () => void = () => undefined;

  constructor(folder: string, handle: () => Promise<void>) {
    this.#folder = folder;
    this.#handle = handle;
  }

  async run(stopped: Promise<void>): Promise<void> {
    let over = false;
    let due = true;
    const watcher = watch(this.#folder, { recursive: true }, (_, name) => {
      if (name !== null && !isSource(name)) return;
      due = true;
      this.#wake();
    });
    void stopped.then(() => {
      over = true;
      this.#wake();
    });
    while (!over) {
      if (due) {
        // An editor empties a file and fills it, and writes another beside it: that is one save.
        await sleep(SETTLE_MS);
        due = false;
        await this.#handle();
      } else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
    watcher.close();
  }
}

const isSource = (name: string): boolean =>
  !/(^|\/)(node_modules|dist|\.git)\//.test(name) &&
  (name.endsWith(MODULE_FILE) || /\.(?:[cm]?[jt]sx?|json)$/.test(name));
