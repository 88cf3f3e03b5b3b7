import { digestOf, packBundle } from "@evenkeel/base/bundle/format";
import type { Digest } from "@evenkeel/contracts/id";
import { ModuleManifest } from "@evenkeel/contracts/module";
import type { z } from "zod";

const BASE = new URL("../../base/src/index.ts", import.meta.url).href;

/** A base application for the agent to start: `server.mjs`. What no module answers it answers itself: `/healthz`, its pid, how often its health was asked, and `/checkout`, a process of one link. */
export const BASE_SERVER = `
import { createServer } from "node:http";
import { createBase } from ${JSON.stringify(BASE)};
const base = await createBase({ name: "shop", version: "1.0.0", processes: { checkout: ["price"] } });
let asked = 0;
const server = createServer((request, response) => {
  if (base.handle(request, response)) return;
  const { pathname, searchParams } = new URL(request.url, "http://base");
  if (pathname === "/checkout") {
    const told = base.run("checkout", { attributes: Object.fromEntries(searchParams), input: 100 });
    return void told.then((result) => response.end(JSON.stringify(result)), (error) => response.end(String(error)));
  }
  if (request.method === "POST") return request.pipe(response);
  response.statusCode = request.url === "/healthz" || request.url === "/" ? 200 : 404;
  if (request.url === "/healthz") asked += 1;
  response.end(JSON.stringify({ pid: process.pid, asked, of: "the base" }));
});
server.on("upgrade", (request, socket, head) => {
  if (!base.upgrade(request, socket, head)) socket.destroy();
});
server.listen(Number(process.env.PORT), process.env.HOST);
`;

/** A module as the control plane and the agents take it. */
export interface TestBundle {
  readonly name: string;
  readonly version: string;
  readonly bytes: Buffer;
  readonly object: { readonly digest: Digest; readonly sizeBytes: number };
}

/** Builds a bundle of this code. */
export function bundleOf(manifest: z.input<typeof ModuleManifest>, code: string): TestBundle {
  const text = Buffer.from(code);
  const facts = { manifest: ModuleManifest.parse(manifest), codeDigest: digestOf(text), cache: null };
  const bytes = Buffer.from(packBundle({ facts, code: text, cache: null }));
  const { name, version } = facts.manifest;
  return { name, version, bytes, object: { digest: digestOf(bytes), sizeBytes: bytes.length } };
}

/** A module that answers below `/<name>` with its version, and a body with the same body; its version is in a header too. */
export function answering(name: string, version: string): TestBundle {
  const text = JSON.stringify(`${name} ${version}`);
  const code = `exports.activate = () => ({ routes: (request, response) => {
    response.setHeader("x-version", ${JSON.stringify(version)});
    return request.method === "POST" ? request.pipe(response) : response.end(${text});
  } });`;
  return bundleOf({ name, version, provides: { routes: [{ path: `/${name}` }] } }, code);
}

/** A module that takes WebSockets below `/<name>`, and says its version at once and whenever it hears something. */
export function talking(name: string, version: string): TestBundle {
  const code = `const { createHash } = require("node:crypto");
    const text = Buffer.from(${JSON.stringify(`${name} ${version}`)});
    exports.activate = () => ({ upgrades: ({ headers }, socket) => {
      const accept = createHash("sha1").update(headers["sec-websocket-key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest("base64");
      const lines = ["HTTP/1.1 101 Switching Protocols", "connection: upgrade", "upgrade: websocket", "sec-websocket-accept: " + accept];
      const tell = () => socket.write(Buffer.concat([Buffer.of(0x81, text.length), text]));
      socket.write(lines.join("\\r\\n") + "\\r\\n\\r\\n");
      tell();
      socket.on("data", tell);
    } });`;
  return bundleOf({ name, version, drainSeconds: 1, provides: { routes: [{ path: `/${name}` }] } }, code);
}

/** A module with a service `<name>` that says its version; it needs another's service, and answers below `/<name>` with what that says. */
export function asking(name: string, version: string, other?: string): TestBundle {
  const code = `exports.activate = ({ service }) => {
    const other = ${other === undefined ? "null" : `service(${JSON.stringify(other)})`};
    return {
      services: { ${name}: { say: () => ${JSON.stringify(`${name} ${version}`)} } },
      routes: (request, response) => response.end(other === null ? "nobody" : other.say()),
    };
  };`;
  const services = other === undefined ? {} : { [other]: {} };
  return bundleOf(
    { name, version, needs: { services }, provides: { services: [name], routes: [{ path: `/${name}` }] } },
    code,
  );
}

/** A module that answers one of so many requests below `/<name>` with 500. */
export function flawed(name: string, version: string, oneOf: number): TestBundle {
  const text = JSON.stringify(`${name} ${version}`);
  const code = `let served = 0; exports.activate = () => ({ routes: (request, response) => {
    served += 1; request.resume();
    if (served % ${oneOf} === 0) response.statusCode = 500;
    response.end(${text}); } });`;
  return bundleOf({ name, version, provides: { routes: [{ path: `/${name}` }] } }, code);
}

/** A module that is the link `price` of a process, and leaves so many percent of it. */
export function pricing(name: string, version: string, percent: number): TestBundle {
  const code = `exports.activate = () => ({ components: { price: (sum) => (sum * ${percent}) / 100 } });`;
  return bundleOf({ name, version, form: "component", provides: { components: [{ point: "price" }] } }, code);
}

/** A module whose activation writes a line to `<file>.begun`, and waits until there is this file. */
export function waitingFor(
  file: string,
  { name, version }: { readonly name: string; readonly version: string },
): TestBundle {
  const code = `const { appendFileSync, existsSync, watch } = require("node:fs");
    const { dirname } = require("node:path");
    const file = ${JSON.stringify(file)};
    exports.activate = async () => {
      const text = ${JSON.stringify(`${name} ${version}`)};
      appendFileSync(file + ".begun", text + "\\n");
      if (!existsSync(file)) await new Promise((resolve) => {
        const watcher = watch(dirname(file), () => {
          if (!existsSync(file)) return;
          watcher.close();
          resolve();
        });
      });
      return { routes: (_, response) => response.end(text) };
    };`;
  return bundleOf({ name, version, activateSeconds: 300, provides: { routes: [{ path: `/${name}` }] } }, code);
}

/** A module whose activation fails. */
export function failing(name: string, version: string): TestBundle {
  const code = `exports.activate = async () => { throw new Error("no database for ${name}"); };`;
  return bundleOf({ name, version, provides: { routes: [{ path: `/${name}` }] } }, code);
}
