import { once } from "node:events";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { BaseReport, InstallResult, WATCH_PATH } from "@evenkeel/contracts/base-protocol";
import { afterAll, expect, test } from "vitest";
import { answering, BaseBed } from "../testing.ts";

const folder = mkdtempSync(join(tmpdir(), "evenkeel-control-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function ask(socketPath: string, path: string, body?: string): Promise<{ status: number; answer: unknown }> {
  const request = httpRequest({ socketPath, path, method: "POST", agent: false });
  request.end(body);
  const [response] = (await once(request, "response")) as [IncomingMessage];
  let text = "";
  for await (const chunk of response) text += String(chunk);
  return { status: response.statusCode ?? 0, answer: JSON.parse(text) as unknown };
}

const prices = { name: "prices", version: "1.0.0", provides: { routes: [{ path: "/prices" }] } };

test("the agent's socket is for this user alone, and every operation answers on it, in bad cases too", async () => {
  const socketPath = join(folder, "one.sock");
  await using bed = await BaseBed.open({ socketPath });
  expect(statSync(socketPath).mode & 0o777).toBe(0o600);
  const bundle = bed.bundle(prices, answering("one"));
  const installed = await ask(socketPath, "/v1/install", JSON.stringify({ operationId: "i", bundle, publish: {} }));
  expect(installed.status).toBe(200);
  expect(InstallResult.parse(installed.answer).module.published).toBe(true);
  expect((await bed.get("/prices")).body).toBe("one");
  expect(BaseReport.parse((await ask(socketPath, "/v1/list")).answer).modules).toHaveLength(1);
  const bad = bed.bundle({ ...prices, version: "2.0.0" }, "throw new Error('no luck')");
  const failed = await ask(socketPath, "/v1/install", JSON.stringify({ operationId: "b", bundle: bad }));
  expect(failed).toMatchObject({ status: 422, answer: { problem: { code: "MODULE_LOAD_FAILED" } } });
  expect((failed.answer as { stack: string }).stack).toContain("module:prices@2.0.0/index.js");
  expect(await ask(socketPath, "/v1/install", "{broken")).toMatchObject({
    status: 400,
    answer: { problem: { code: "INPUT_INVALID" } },
  });
  expect(await ask(socketPath, "/v1/install", "{}")).toMatchObject({ status: 400 });
  expect(await ask(socketPath, "/v1/explode", "{}")).toMatchObject({
    status: 404,
    answer: { problem: { code: "BASE_OPERATION_UNKNOWN" } },
  });
});

test("who watches gets a report at once and after every alteration", async () => {
  const socketPath = join(folder, "two.sock");
  await using bed = await BaseBed.open({ socketPath });
  const request = httpRequest({ socketPath, path: WATCH_PATH, agent: false }).end();
  const [response] = (await once(request, "response")) as [IncomingMessage];
  const lines = createInterface({ input: response })[Symbol.asyncIterator]();
  const next = async () => BaseReport.parse(JSON.parse((await lines.next()).value as string));
  expect((await next()).modules).toEqual([]);
  await bed.install(prices, answering("one"));
  let report = await next();
  while (report.modules[0]?.published !== true) report = await next();
  await bed.uninstall("prices");
  while (report.modules.length > 0) report = await next();
  request.destroy();
});
