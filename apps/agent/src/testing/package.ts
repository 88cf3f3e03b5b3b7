import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { BuildpackObject } from "@evenkeel/contracts/buildpack";
import { newId, RevisionId } from "@evenkeel/contracts/id";
import { Configuration } from "@evenkeel/contracts/service";
import { create } from "tar";
import type { TestControlPlane } from "./control-plane.ts";

/** A server without dependencies: answers with its version, counts each start in a file, says what it does. */
export const SERVER = `
const { createServer } = require("node:http");
const { appendFileSync } = require("node:fs");
if (process.env.STARTS) appendFileSync(process.env.STARTS, "start\\n");
console.log("up as " + process.env.EVENKEEL_VERSION);
console.error("a word on standard error");
createServer((request, response) => {
  response.statusCode = request.url === "/healthz" && process.env.BROKEN ? 500 : 200;
  response.end(JSON.stringify({ version: process.env.EVENKEEL_VERSION, pid: process.pid, env: process.env }));
}).listen(Number(process.env.PORT), process.env.LISTEN ?? process.env.HOST);
setInterval(() => console.log("tick"), 100);
`;

type Files = Readonly<Record<string, string | Uint8Array | { text: string; mode: number }>>;

/** Packs these files as .tar.gz. */
export async function pack(files: Files): Promise<Buffer> {
  const folder = await mkdtemp(join(tmpdir(), "evenkeel-pack-"));
  try {
    for (const [path, content] of Object.entries(files)) {
      const isPlain = typeof content === "string" || content instanceof Uint8Array;
      const { text, mode } = isPlain ? { text: content, mode: 0o644 } : content;
      await mkdir(dirname(join(folder, path)), { recursive: true });
      await writeFile(join(folder, path), text, { mode });
    }
    const file = join(folder, ".package.tar.gz");
    await create({ cwd: folder, gzip: true, file, portable: true }, Object.keys(files));
    return await readFile(file);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

export interface RevisionOptions {
  readonly files?: Files;
  readonly archive?: Buffer;
  readonly version?: string;
  readonly lifecycle?: Partial<Record<"setup" | "check" | "stop", string>>;
  readonly limits?: BuildpackObject["definition"]["limits"];
  readonly needs?: string[];
  readonly configuration?: Record<string, unknown>;
}

/** Puts a package and a buildpack on the control plane and answers the inputs that bring them to a host. */
export async function makeRevision(plane: TestControlPlane, options: RevisionOptions = {}) {
  const revisionId = newId(RevisionId, "rev");
  const archive = options.archive ?? (await pack(options.files ?? { "server.js": SERVER }));
  const scripts = Object.entries(options.lifecycle ?? {});
  const buildpack: BuildpackObject = {
    definition: {
      name: "test",
      version: "1.0.0",
      description: "",
      needs: options.needs ?? [],
      lifecycle: Object.fromEntries(scripts.map(([name]) => [name, `lifecycle/${name}`])),
      ...(options.limits === undefined ? {} : { limits: options.limits }),
      parameters: {},
    },
    files: scripts.map(([name, text]) => ({ path: `lifecycle/${name}`, executable: true, text })),
  };
  const objects = { package: plane.putObject(archive), buildpack: plane.putBuildpack(buildpack) };
  const configuration = Configuration.parse({
    start: "node server.js",
    port: "auto",
    env: {},
    health: { path: "/healthz", status: 200, startSeconds: 10, intervalSeconds: 0.2 },
    routes: [],
    replace: "surge",
    allowGap: false,
    drain: {},
    stopSeconds: 5,
    ...options.configuration,
  });
  const stage = {
    serviceId: plane.slot,
    revisionId,
    revisionDigest: plane.putObject(Buffer.from(revisionId)).digest,
    version: options.version ?? "1.0.0",
    ...objects,
    configuration,
    names: { application: "shop", workspace: "local" },
  };
  return { revisionId, configuration, fetch: { objects: [objects.package, objects.buildpack] }, stage };
}

export type TestRevision = Awaited<ReturnType<typeof makeRevision>>;

/** Fetches and stages. */
export async function bring(plane: TestControlPlane, revision: TestRevision): Promise<void> {
  for (const [type, input] of [
    ["fetch-package", revision.fetch],
    ["stage-revision", revision.stage],
  ] as const) {
    const outcome = await plane.run(type, input);
    if (outcome.kind !== "succeeded") throw new Error(`${type}: ${JSON.stringify(outcome)}`);
  }
}
