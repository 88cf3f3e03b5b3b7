import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer, request as httpRequest, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BaseInput, BaseResult } from "@evenkeel/contracts/base-protocol";
import { ModuleManifest } from "@evenkeel/contracts/module";
import type { z } from "zod";
import { type Base, type BaseOptions, createBase } from "./base.ts";
import { digestOf, packBundle } from "./bundle/format.ts";

type ManifestInput = z.input<typeof ModuleManifest>;

interface Answer {
  readonly status: number;
  readonly body: string;
}

/** A base with an HTTP server before it, for tests; modules are given as text. */
export class BaseBed implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), "evenkeel-base-"));
  readonly base: Base;
  readonly #server: Server;
  #operations = 0;

  private constructor(base: Base, server: Server) {
    this.base = base;
    this.#server = server;
  }

  static async open(options: Partial<BaseOptions> = {}): Promise<BaseBed> {
    const base = await createBase({ name: "shop", version: "1.0.0", watchdog: false, ...options });
    const server = createServer((request, response) => {
      if (!base.handle(request, response)) response.writeHead(404).end("of the base");
    });
    server.on("upgrade", (request, socket, head) => {
      if (!base.upgrade(request, socket, head)) socket.destroy();
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return new BaseBed(base, server);
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Writes a bundle and answers how to install it. */
  bundle(manifest: ManifestInput, text: string): BaseInput<"install">["bundle"] {
    const code = Buffer.from(text);
    const facts = { manifest: ModuleManifest.parse(manifest), codeDigest: digestOf(code), cache: null };
    const bytes = packBundle({ facts, code, cache: null });
    const digest = digestOf(bytes);
    const path = join(this.folder, `${digest.slice(7, 23)}.jar`);
    writeFileSync(path, bytes);
    return { path, digest };
  }

  async install(
    manifest: ManifestInput,
    text: string,
    options: Partial<BaseInput<"install">> = {},
  ): Promise<BaseResult<"install">> {
    return await this.base.perform("install", {
      operationId: this.operationId(),
      bundle: this.bundle(manifest, text),
      activate: true,
      replace: true,
      publish: { tags: {} },
      ...options,
    });
  }

  /** Removes the files of bundles that were installed. */
  clean(): void {
    for (const name of readdirSync(this.folder)) rmSync(join(this.folder, name));
  }

  async uninstall(name: string, version = "1.0.0", prove: "handles" | "memory" = "handles") {
    return await this.base.perform("uninstall", { operationId: this.operationId(), name, version, prove });
  }

  operationId(): string {
    this.#operations += 1;
    return `operation-${this.#operations}`;
  }

  async get(path: string, headers: Record<string, string> = {}): Promise<Answer> {
    return await this.send({ path, headers });
  }

  async send({
    path,
    headers,
    body,
  }: {
    path: string;
    headers?: Record<string, string>;
    body?: string;
  }): Promise<Answer> {
    const method = body === undefined ? "GET" : "POST";
    const request = httpRequest({ host: "127.0.0.1", port: this.port, path, method, headers, agent: false });
    request.end(body);
    const [response] = (await once(request, "response")) as [import("node:http").IncomingMessage];
    let text = "";
    for await (const chunk of response) text += String(chunk);
    return { status: response.statusCode ?? 0, body: text };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.base.close();
    this.#server.close();
    this.#server.closeAllConnections();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** A module that answers below a path with a text. */
export const answering = (text: string): string =>
  `exports.activate = () => ({ routes: (request, response) => response.end(${JSON.stringify(text)}) });`;
