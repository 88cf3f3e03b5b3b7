import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { WorkspaceEvent } from "@evenkeel/contracts/overview";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Installation, startInstallation } from "../testing.ts";

const SCRIPT = `console.log("${"x".repeat(2000)}");`;
let here: Installation;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "evenkeel-site-"));
  await mkdir(join(folder, "assets"));
  await writeFile(join(folder, "index.html"), "<!doctype html><title>Evenkeel</title>");
  await writeFile(join(folder, "assets/main-abc.js"), SCRIPT);
  await writeFile(join(folder, "assets/main-abc.js.gz"), gzipSync(SCRIPT));
  await writeFile(join(folder, "assets/main-abc.js.br"), brotliCompressSync(SCRIPT));
  here = await startInstallation("embedded", { consoleFolder: folder });
  await here.call("POST", "/workspaces", { body: { name: "local", zones: ["a"] } });
});
afterAll(async () => {
  await here.close();
  await rm(folder, { recursive: true, force: true });
});

const get = (path: string, headers: Record<string, string> = { accept: "text/html" }): Promise<Response> =>
  fetch(`${here.replicas[0]!.url}${path}`, { headers });

test.each(["/", "/w/local", "/changes/chg_00000000000000000000?view=plan"])(
  "%s is a page of the console",
  async (path) => {
    const answer = await get(path);
    expect(answer.status).toBe(200);
    expect(await answer.text()).toContain("<title>Evenkeel</title>");
    expect(answer.headers.get("cache-control")).toBe("no-cache");
  },
);

test("the page lets in scripts and styles of its own alone, and nobody may frame it", async () => {
  const policy = (await get("/")).headers.get("content-security-policy") ?? "";
  expect(policy).toContain("script-src 'self'");
  expect(policy).toContain("frame-ancestors 'none'");
  expect(policy).not.toContain("unsafe");
});

test.each([
  ["gzip, deflate, br, zstd", "br"],
  ["gzip, deflate", "gzip"],
  ["br;q=0, gzip;q=0.5", "gzip"],
  ["identity", null],
])("a built file is sent as it was packed: to whom takes %s as %s", async (accepted, encoding) => {
  const answer = await get("/assets/main-abc.js", { "accept-encoding": accepted });
  expect(answer.headers.get("content-encoding")).toBe(encoding);
  expect(answer.headers.get("vary")).toBe("accept-encoding");
  expect(await answer.text()).toBe(SCRIPT);
});

test("a built file is kept for ever; one that is known already is not sent again", async () => {
  const answer = await get("/assets/main-abc.js");
  expect(answer.headers.get("cache-control")).toContain("immutable");
  expect(await answer.text()).toBe(SCRIPT);
  const etag = answer.headers.get("etag") ?? "";
  expect((await get("/assets/main-abc.js", { "if-none-match": etag })).status).toBe(304);
});

test("a script that is gone, an address of the API and what no browser asks for are not answered with a page", async () => {
  for (const [path, accept] of [
    ["/assets/main-old.js", "*/*"],
    ["/assets/main-abc.js.gz", "*/*"],
    ["/assets/main-old.js", "text/html"],
    ["/api/v1/nothing", "text/html"],
    ["/api", "text/html"],
    ["/nothing", "application/json"],
    ["/../../etc/passwd", "*/*"],
  ] as const) {
    const answer = await get(path, { accept });
    expect(answer.status, path).toBe(404);
    expect(await answer.json()).toMatchObject({ code: "NOT_FOUND" });
  }
});

test("a workspace tells how it stands, then what becomes different, and only what the caller may read", async () => {
  const first = async (token: string, count: number) => {
    const stop = new AbortController();
    const headers = { authorization: `Bearer ${token}` };
    const answer = await fetch(`${here.replicas[0]!.url}/api/v1/workspaces/local/events`, {
      headers,
      signal: stop.signal,
    });
    const seen: WorkspaceEvent[] = [];
    let text = "";
    for await (const piece of answer.body!.pipeThrough(new TextDecoderStream())) {
      text += piece;
      const blocks = text.split("\n\n");
      text = blocks.pop() ?? "";
      for (const block of blocks.filter((each) => each.startsWith("data: ")))
        seen.push(WorkspaceEvent.parse(JSON.parse(block.slice(6))));
      if (seen.length >= count) break;
    }
    stop.abort();
    return seen.slice(0, count).map(({ kind }) => kind);
  };
  expect(await first(here.adminToken, 3)).toEqual(["standing", "findings", "whole"]);
  const { body } = await here.call("POST", "/tokens", { body: { as: "looker", may: ["workspace:read"] } });
  expect(await first(String(body.secret), 1)).toEqual(["whole"]);
});
