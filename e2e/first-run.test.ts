import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { findByEnvironment } from "@evenkeel/kit/process-identity";
import { afterEach, expect, test } from "vitest";

const ROOT = fileURLToPath(new URL("../", import.meta.url));
const CHANGE_ID = expect.stringMatching(/^chg_[0-9a-z]{20}$/);

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** A clone with a sample that answers slowly and falls at the first SIGTERM: only the platform's drain saves its requests. */
function cloneWithFragileSample(): string {
  const clone = mkdtempSync(join(tmpdir(), "evenkeel-clone-"));
  folders.push(clone);
  for (const name of ["apps", "buildpacks", "examples", "package.json"])
    cpSync(join(ROOT, name), join(clone, name), { recursive: true, verbatimSymlinks: true });
  for (const name of ["node_modules", "packages"]) symlinkSync(join(ROOT, name), join(clone, name));
  for (const version of readdirSync(join(clone, "examples/hello"))) {
    const file = join(clone, "examples/hello", version, "server.js");
    replace(file, "server.close(() => process.exit(0));", "process.exit(0);");
    replace(
      file,
      'return request.method === "POST" ? echo(request, response) : greet(request, response);',
      'setTimeout(() => (request.method === "POST" ? echo : greet)(request, response), 1000);',
    );
  }
  return clone;
}

function replace(file: string, what: string, by: string): void {
  const parts = readFileSync(file, "utf8").split(what);
  expect(parts, `${file} has this once: ${what}`).toHaveLength(2);
  writeFileSync(file, parts.join(by));
}

/** Two free ports; a default port may belong to a platform that runs on this machine. */
async function freePorts(): Promise<Record<string, string>> {
  const servers = [createServer(), createServer()].map((server) => server.listen(0, "127.0.0.1"));
  await Promise.all(servers.map((server) => once(server, "listening")));
  const [control, gateway] = servers.map((server) => String((server.address() as { port: number }).port));
  for (const server of servers) server.close();
  return { EVENKEEL_PORT: control ?? "", EVENKEEL_GATEWAY_PORT: gateway ?? "" };
}

/** The tour as `npm start -- --once --json` runs it, in a folder of its own that must not exist before. */
async function runOnce(clone: string) {
  const home = join(mkdtempSync(join(tmpdir(), "evenkeel-once-")), "home");
  folders.push(join(home, ".."));
  const main = join(clone, "apps/supervisor/src/main.ts");
  const child = spawn(process.execPath, [main, "up", "--tour", "--once", "--json"], {
    env: { ...process.env, ...(await freePorts()), EVENKEEL_HOME: home },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let text = "";
  child.stdout.on("data", (bytes) => {
    text += bytes;
  });
  const [code] = (await once(child, "close")) as [number | null];
  const summary = JSON.parse(text.trimEnd().split("\n").at(-1) ?? "") as {
    asTold: boolean;
    problems: string[];
    requests: { total: number; failed: number; perSecond: number };
    releases: unknown[];
  };
  return { code, text, summary, left: findByEnvironment({ EVENKEEL_HOME: home }), home };
}

test("the first run goes as told, without a failed request, and leaves no process behind", async () => {
  const { code, text, summary, left, home } = await runOnce(cloneWithFragileSample());
  expect(summary.problems).toEqual([]);
  expect(summary).toMatchObject({
    asTold: true,
    requests: { failed: 0 },
    releases: [
      { application: "hello", version: "1.0.0", state: "succeeded", durationMs: expect.any(Number) },
      { application: "hello", version: "2.0.0", state: "succeeded", durationMs: expect.any(Number) },
      {
        ...{ application: "hello", version: "3.0.0", state: "rolled-back" },
        cause: { host: "local-1", code: "HEALTH_TIMEOUT" },
        rollback: { changeId: CHANGE_ID, state: "succeeded", durationMs: expect.any(Number) },
      },
    ],
  });
  expect(summary.requests.perSecond).toBeGreaterThanOrEqual(200);
  expect(text).toContain("everything went as told");
  expect(code).toBe(0);
  expect(left).toEqual([]);
  expect(existsSync(join(home, "run/endpoints.json"))).toBe(false);
});

test("with the drain broken on purpose requests fail, and the first run says so and ends with an error", async () => {
  const clone = cloneWithFragileSample();
  const step = join(clone, "apps/control-plane/src/slot/traffic-steps.ts");
  replace(step, "if (left.known && left.inFlight + left.longLived === 0)", "if (left !== null)");
  const { code, summary, left } = await runOnce(clone);
  expect(summary.requests.failed).toBeGreaterThan(0);
  expect(summary.problems).toContainEqual(expect.stringMatching(/^\d+ of \d+ requests failed$/));
  expect(code).toBe(1);
  expect(left).toEqual([]);
});
