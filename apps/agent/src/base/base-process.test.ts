import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { newId, ServiceId } from "@evenkeel/contracts/id";
import { answering } from "@evenkeel/testkit/base-application";
import { expect, test } from "vitest";
import { ArkletLine } from "./arklet/line.ts";
import { BaseProcess } from "./base-process.ts";
import { WantedModules } from "./wanted-modules.ts";

/** Installs what it is told to, and is cut short in saying so. */
async function cutShort(): Promise<Server> {
  const all: object[] = [];
  const answers: Readonly<Record<string, () => string>> = {
    "/queryAllBiz": () => JSON.stringify({ code: "SUCCESS", data: all }),
    "/health": () => JSON.stringify({ code: "SUCCESS", data: { healthData: { masterBizInfo: {} } } }),
    "/installBiz": () => {
      all.push({ bizName: "prices", bizVersion: "1.0.0", bizState: "ACTIVATED" });
      return '{"code":"SUCC';
    },
  };
  const server = createServer((request, response) => {
    const answer = answers[request.url ?? ""];
    if (answer === undefined) request.socket.destroy();
    else response.end(answer());
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  return server;
}

test("who hears that an order has failed has heard what it left behind", async () => {
  const folder = await mkdtemp(join(tmpdir(), "evenkeel-base-"));
  const server = await cutShort();
  const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  const slot = newId(ServiceId, "svc");
  const wanted = new WantedModules(folder);
  const line = new ArkletLine({ url, pid: process.pid, isOurs: () => true, wanted: () => wanted.of(slot) });
  const about = { slot, letter: "a" as const, pid: process.pid, fresh: false, objects: null as never };
  const told = { isAlive: () => true, onAltered: () => undefined, warn: () => undefined };
  const base = new BaseProcess({ ...about, ...told, line, wanted });
  void base.follow();
  try {
    const { bytes, object } = answering("prices", "1.0.0");
    const path = join(folder, "prices.jar");
    await writeFile(path, bytes);
    const input = { operationId: "one", bundle: { path, digest: object.digest } };
    const install = { ...input, activate: true, replace: true, publish: null };
    await base.settled();
    const asked = base.ask("install", install, AbortSignal.timeout(20_000));
    await expect(asked).rejects.toMatchObject({ failure: { problem: { code: "BASE_UNREACHABLE" } } });
    const taken = base.ask("clear", { operationId: "two" }, AbortSignal.timeout(20_000));
    await expect(taken).rejects.toMatchObject({ facts: { problem: "other side closed" } });
    expect(base.report?.modules).toMatchObject([{ name: "prices", version: "1.0.0", state: "active" }]);
  } finally {
    base.leave();
    server.close();
    server.closeAllConnections();
    await rm(folder, { recursive: true, force: true });
  }
});
