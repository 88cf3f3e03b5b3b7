import { access, readFile, writeFile } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { MANIFEST_FILE, parseManifest } from "@evenkeel/client/node/manifest";
import { line, span } from "@evenkeel/client/text/line";
import { PlatformError } from "@evenkeel/contracts/error";
import type { AddCommands } from "./context.ts";

export const addInitCommands: AddCommands = (program, run) => {
  program
    .command("init")
    .description("writes a commented evenkeel.yaml")
    .argument("[folder]", "folder of the application", ".")
    .action(
      run(async (cli, folder: string) => {
        const where = resolve(cli.io.cwd, folder);
        const text = manifestText(await guess(where));
        const file = join(where, MANIFEST_FILE);
        await writeFile(file, text, { flag: "wx" }).catch((error: NodeJS.ErrnoException) => {
          if (error.code === "EEXIST") throw new PlatformError("MANIFEST_EXISTS", { folder: where });
          throw new PlatformError("FILE_UNUSABLE", { path: file, reason: error.message });
        });
        cli.answer({ file, manifest: parseManifest(text) }, [
          line(span("✔", "good"), " wrote ", span(file, "bold")),
          line(span(`  look it over, then: ${cli.name} deploy`, "dim")),
        ]);
      }),
    );
};

interface Guess {
  readonly application: string;
  readonly buildpack: "node" | "process";
  readonly start: string;
}

/** What the folder says of itself. */
async function guess(folder: string): Promise<Guess> {
  const about = await readPackageJson(folder);
  const application = legalName(about?.name ?? basename(folder));
  const hasServer = await exists(join(folder, "server.js"));
  if (about === null && !hasServer) return { application, buildpack: "process", start: "./run" };
  const main = hasServer ? "server.js" : (about?.main ?? "index.js");
  return { application, buildpack: "node", start: about?.scripts?.start ?? `node ${main}` };
}

interface PackageJson {
  readonly name?: string;
  readonly main?: string;
  readonly scripts?: Record<string, string>;
}

async function readPackageJson(folder: string): Promise<PackageJson | null> {
  try {
    return JSON.parse(await readFile(join(folder, "package.json"), "utf8")) as PackageJson;
  } catch {
    return null;
  }
}

function legalName(text: string): string {
  const name = text
    .replace(/^@[^/]*\//, "")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^[^a-z]+/, "")
    .slice(0, 60)
    .replace(/-+$/, "");
  return name || "app";
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

/** The manifest with every field explained; what is commented out is the default. */
export function manifestText({ application, buildpack, start }: Guess): string {
  return `# How ${application} is released. \`evenkeel plan\` shows what this does, \`evenkeel deploy\` does it.
application: ${application}
# version: 1.0.0                # default: what git describes, else the time
# workspace: local
${`# service: ${application}`.padEnd(31)} # where one application runs more than once in a workspace

buildpack: ${buildpack.padEnd(20)} # node, or process: any executable
start: ${JSON.stringify(start).padEnd(24)} # gets HOST and PORT; {host} and {port} may stand in the command
# port: auto                    # the platform gives a port; a number is a fixed one, replaced in place
# env: { LOG_LEVEL: info }

# An instance takes requests once this answers, and for as long as it does.
health: { tcp: true }
# health: { path: /healthz, status: 200, startSeconds: 60, intervalSeconds: 2 }

routes:
  - { host: ${application}.localhost, path: / }

# hosts: all                    # or 2, or [local-1, local-3], or { zones: [a] }

strategy:
  beta: 1                       # this many hosts go first
  batches: { by: zone }         # or { count: 3 }, { size: 2 }, { percent: 25 }, each, all
  bakeSeconds: 10               # after each batch, the last included
  confirm: none                 # or first, each: a person confirms before the batch
  budget: { failures: 0, action: rollback }   # or stop, continue

# drain: { seconds: 30, policy: cut }  # requests in hand when an instance is replaced; or extend, fail
# stopSeconds: 10               # between TERM and KILL
`;
}
