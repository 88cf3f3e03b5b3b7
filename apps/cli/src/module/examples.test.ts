import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { digestOf } from "@evenkeel/base/bundle/format";
import { BaseBed } from "@evenkeel/base/testing";
import { readModuleFile } from "@evenkeel/client/node/module-file";
import { expect, test } from "vitest";
import { buildModule } from "./build.ts";

const EXAMPLES = join(import.meta.dirname, "../../../../examples");

async function bundleOf(name: string, folder: string) {
  const source = join(EXAMPLES, "modules", name);
  const manifest = await readModuleFile(source);
  const { bytes } = await buildModule({ folder: source, manifest, base: null, node: null });
  const path = join(folder, `${name}.jar`);
  writeFileSync(path, bytes);
  return { path, digest: digestOf(bytes) };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Waits until the base listens on its socket, which it opens before its port. */
async function install(socketPath: string, bundle: object): Promise<void> {
  const request = httpRequest({ socketPath, path: "/v1/install", method: "POST", agent: false });
  request.end(JSON.stringify({ operationId: String(Math.random()), bundle, publish: {} }));
  const [response] = (await once(request, "response")) as [IncomingMessage];
  let text = "";
  for await (const chunk of response) text += String(chunk);
  expect(response.statusCode, text).toBe(200);
}

async function answering(child: ChildProcess, url: string): Promise<void> {
  for (;;) {
    if (child.exitCode !== null) throw new Error(`the base ended with ${child.exitCode}`);
    const response = await fetch(url).catch(() => null);
    if (response?.ok) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

test.each(["plain", "express", "fastify", "koa"])(
  "the %s base takes modules that its own routes stand beside",
  async (kind) => {
    const folder = mkdtempSync(join(tmpdir(), "evenkeel-example-"));
    const socketPath = join(folder, "base.sock");
    const port = await freePort();
    const env = { ...process.env, HOST: "127.0.0.1", PORT: String(port), EVENKEEL_BASE_SOCKET: socketPath };
    const child = spawn(process.execPath, [join(EXAMPLES, "bases", `${kind}.ts`)], {
      env,
      stdio: ["ignore", "ignore", "inherit"],
    });
    let closed: Promise<number> | undefined;
    try {
      const url = `http://127.0.0.1:${port}`;
      await answering(child, url);
      expect(await (await fetch(url)).json()).toMatchObject({ greeting: null });
      await install(socketPath, await bundleOf("prices", folder));
      await install(socketPath, await bundleOf("greeter", folder));
      expect(await (await fetch(`${url}/prices/ink`)).json()).toMatchObject({ item: "ink", cents: 450 });
      expect(await (await fetch(url)).json()).toMatchObject({ greeting: "Good day, you" });
      await install(socketPath, await bundleOf("ticker", folder));
      const client = new WebSocket(`ws://127.0.0.1:${port}/ticker`);
      const [{ data }] = (await once(client, "message")) as [{ data: string }];
      expect(JSON.parse(data)).toEqual({ version: "1.0.0", welcome: true });
      closed = once(client, "close").then((events) => Number(events[0].code));
    } finally {
      const ended = once(child, "exit");
      child.kill("SIGTERM");
      expect(await ended).toEqual([0, null]);
      // The base says goodbye as it ends.
      expect(await closed).toBe(1001);
      rmSync(folder, { recursive: true });
    }
  },
  120_000,
);

test("the components of the examples make a checkout, with a discount for members", async () => {
  const processes = { checkout: ["price", { point: "discount", optional: true as const }, "tax"] };
  await using bed = await BaseBed.open({ processes });
  for (const name of ["till", "club"]) {
    const bundle = await bundleOf(name, bed.folder);
    const asked = { bundle, activate: true, replace: true, publish: { tags: {} } };
    await bed.base.perform("install", { operationId: name, ...asked });
  }
  const everybody = { name: "everybody", when: {}, modules: [] };
  const businesses = [{ name: "members", when: { card: "gold" }, modules: [] }, everybody];
  await bed.base.perform("businesses", { operationId: "b", businesses });
  const input = { items: [{ cents: 1000, count: 2 }] };
  expect((await bed.base.run("checkout", { attributes: {}, input })).output).toBe(2380);
  expect((await bed.base.run("checkout", { attributes: { card: "gold" }, input })).output).toBe(2142);
});
