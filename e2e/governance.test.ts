import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Platform, startPlatform } from "@evenkeel/testkit/platform";
import { Shop } from "@evenkeel/testkit/shop";
import { afterAll, beforeAll, expect, test } from "vitest";

let platform: Platform;
beforeAll(async () => {
  platform = await startPlatform();
  await new Shop(platform).release({ version: "1.0.0", manifest: { routes: [{ host: "shop.localhost", path: "/" }] } });
});
afterAll(() => platform.remove());

const page = readFileSync(join(import.meta.dirname, "../docs/guide/governance.md"), "utf8");
const lines = [...page.matchAll(/```sh\n([\s\S]*?)```/g)].flatMap(([, block]) => (block ?? "").trim().split("\n"));
/** What a person finds out while he follows the page. */
const known: Record<string, string> = {};

async function follow(command: string): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const { home } = platform;
  const child = spawn("sh", ["-c", command], {
    cwd: home,
    env: {
      ...{ ...process.env, ...known, XDG_CONFIG_HOME: join(home, "test"), EVENKEEL_HOME: home },
      ...{ EVENKEEL_URL: platform.controlPlanes[0], PATH: `${join(home, "bin")}:${process.env.PATH}` },
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const text = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) child[name].on("data", (bytes) => (text[name] += bytes));
  const [code] = (await once(child, "close")) as [number | null];
  return { code, ...text };
}

test("every command of the page on governance does what the page says, in its order", async () => {
  expect(lines.length).toBeGreaterThan(30);
  for (const line of lines) {
    const [command = "", refused] = line.split(" # refused: ");
    const { code, stdout, stderr } = await follow(command);
    expect(`${command}\n${code} ${stderr}`).toMatch(refused === undefined ? /\n0 / : new RegExp(`\n1 [^]*${refused}`));
    if (command.includes("token create")) known.ANN = /ekt_\S+/.exec(stdout)?.[0] ?? "";
    if (command === "evenkeel review list") known.REVIEW = /rvw_[0-9a-z]{20}/.exec(stdout)?.[0] ?? "";
  }
  expect(known.ANN).toMatch(/^ekt_/);
  const { items } = await platform.client.listReviews({ query: { state: "all" } });
  expect(items).toMatchObject([{ startedBy: "admin", waived: ["window stop-now"], reviewedBy: "ann" }]);
});
