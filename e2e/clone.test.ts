import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { listProcesses, readEnvironment } from "@evenkeel/kit/process-identity";
import { afterAll, expect, test } from "vitest";

const ROOT = fileURLToPath(new URL("../", import.meta.url));
const NOBODY = 65534;
const isRoot = process.getuid?.() === 0;
const isClone = spawnSync("git", ["-C", ROOT, "rev-parse", "HEAD"], { stdio: "ignore" }).status === 0;
const skipped = !isRoot ? "only root can become another user" : isClone ? null : "this is not a git clone";
if (skipped !== null) console.log(`skipped: ${skipped}`);

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** A clone below a folder that nobody but its owner can enter. */
function cloneFor(uid: number): { home: string; clone: string } {
  const home = mkdtempSync(join(tmpdir(), "closed-"));
  folders.push(home);
  const clone = join(home, "evenkeel");
  execFileSync("git", ["clone", "--quiet", "--no-hardlinks", ROOT, clone]);
  mkdirSync(join(home, "tmp"));
  execFileSync("chown", ["-R", `${uid}:${uid}`, home]);
  chmodSync(home, 0o700);
  for (const name of ["node_modules", ".runtime", ".evenkeel"]) expect(existsSync(join(clone, name))).toBe(false);
  return { home, clone };
}

async function freePort(): Promise<string> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  return String(port);
}

function npmRegistry(): string {
  return execFileSync("npm", ["config", "get", "registry"], { stdio: ["ignore", "pipe", "ignore"] })
    .toString()
    .trim();
}

/** `npm start -- --once` as this user types it, with nothing of the environment of these tests. */
async function npmStart(uid: number, { home, clone }: { home: string; clone: string }, args: readonly string[]) {
  const child = spawn("npm", ["start", "--", "--once", "--json", ...args], {
    cwd: clone,
    ...{ uid, gid: uid },
    env: {
      PATH: process.env.PATH,
      HOME: home,
      TMPDIR: join(home, "tmp"),
      npm_config_registry: npmRegistry(),
      // Which authority a machine trusts belongs to the machine, as its registry does.
      ...(process.env.NODE_EXTRA_CA_CERTS && { NODE_EXTRA_CA_CERTS: process.env.NODE_EXTRA_CA_CERTS }),
      EVENKEEL_PORT: await freePort(),
      EVENKEEL_GATEWAY_PORT: await freePort(),
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const text = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) child[name].on("data", (bytes) => (text[name] += bytes));
  const [code] = (await once(child, "close")) as [number | null];
  const left = listProcesses().filter(({ pid }) => readEnvironment(pid)?.HOME === home);
  return { code, ...text, left };
}

test.skipIf(skipped !== null)(
  "an ordinary user clones into his closed home, and npm start does the main job as he",
  async () => {
    const place = cloneFor(NOBODY);
    const { code, stdout, stderr, left } = await npmStart(NOBODY, place, []);
    expect({ code, left, trouble: code === 0 ? "" : stderr }).toEqual({ code: 0, left: [], trouble: "" });
    expect(JSON.parse(stdout.trim().split("\n").at(-1) ?? "")).toMatchObject({
      requests: { failed: 0 },
      releases: [{ state: "succeeded" }, { state: "succeeded" }, { state: "rolled-back" }],
    });
    expect(statSync(join(place.clone, "node_modules")).uid).toBe(NOBODY);
  },
);

test.skipIf(skipped !== null)(
  "root clones into a closed folder, and npm start brings the whole platform up there",
  async () => {
    const place = cloneFor(0);
    // Root's installation into an empty clone is the first thing that .ci/run does: here the libraries are those of the user.
    const [user] = folders as [string];
    for (const name of ["node_modules", ".runtime"]) renameSync(join(user, "evenkeel", name), join(place.clone, name));
    execFileSync("chown", ["-R", "0:0", place.clone]);
    const { code, stdout, stderr, left } = await npmStart(0, place, ["--empty"]);
    expect({ code, left, trouble: code === 0 ? "" : stderr }).toEqual({ code: 0, left: [], trouble: "" });
    const { endpoints } = JSON.parse(stdout.trim().split("\n").at(-1) ?? "") as {
      endpoints: { controlPlanes: string[] };
    };
    expect(endpoints.controlPlanes).toHaveLength(1);
  },
);
