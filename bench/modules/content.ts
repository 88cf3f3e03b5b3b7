import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { makeByteCache } from "@evenkeel/base/bundle/byte-cache";
import { digestOf, packBundle } from "@evenkeel/base/bundle/format";
import { ModuleManifest } from "@evenkeel/contracts/module";

/** Code such as a bundler makes of libraries: classes, tables and functions, of which the first run touches most. */
function library(bytes: number, seed: string): string {
  const parts: string[] = [];
  for (let size = 0, index = 0; size < bytes; index += 1) {
    const part = `var table_${index} = { key: "${seed}-${index}", values: [${index}, ${index + 1}, "text ${index}"], nested: { on: true, rate: ${index / 7} } };
class Shape_${index} { constructor(size) { this.size = size; this.table = table_${index}; }
  area(scale) { let sum = 0; for (let i = 0; i < this.table.values.length; i += 1) sum += Number(this.table.values[i]) || scale; return sum * this.size; }
  describe() { return this.table.key + ":" + this.area(${index % 13}) + ":" + (this.table.nested.on ? "on" : "off"); } }
function build_${index}(options) { const shape = new Shape_${index}(options && options.size ? options.size : ${index % 29}); return { shape, text: "" + shape.size }; }
registry.push(build_${index});
`;
    parts.push(part);
    size += part.length;
  }
  return `var registry = [];\n${parts.join("")}`;
}

/** A server as module and as program: says its version, and gives back what it is sent. */
const HANDLER = (version: string): string => `function handle(request, response) {
  response.setHeader("x-version", "${version}");
  if (request.method === "POST") return void request.pipe(response);
  response.end(JSON.stringify({ version: "${version}", parts: registry.length }));
}`;

export const moduleCode = (bytes: number, version: string): string =>
  `${library(bytes, version)}${HANDLER(version)}\nexports.activate = () => ({ routes: handle });`;

/** The same application as a process of its own, alone or as the workers of a cluster. */
export const programCode = (bytes: number, version: string): string =>
  `${library(bytes, version)}${HANDLER(version)}\nrequire("node:http").createServer(handle).listen(Number(process.env.PORT), "127.0.0.1");`;

export interface BundleSpec {
  readonly folder: string;
  readonly bytes: number;
  readonly version: string;
  readonly isolation: "inline" | "worker";
  /** Whether it has its byte cache; one is made by a process of its own. */
  readonly cached: boolean;
}

/** Writes a bundle whose bytes no process has met. */
export async function writeBundle({ folder, bytes, version, isolation, cached }: BundleSpec) {
  const provides = { routes: [{ path: "/" }] };
  const manifest = ModuleManifest.parse({ name: "subject", version, isolation, provides });
  const code = Buffer.from(moduleCode(bytes, version));
  const trial = cached ? await makeByteCache({ manifest, code, folder, node: process.execPath }) : null;
  const facts = { manifest, codeDigest: digestOf(code), cache: trial?.facts ?? null };
  const packed = packBundle({ facts, code, cache: trial?.cache ?? null });
  const path = join(folder, `${version}.jar`);
  await writeFile(path, packed);
  return { path, digest: digestOf(packed) };
}
