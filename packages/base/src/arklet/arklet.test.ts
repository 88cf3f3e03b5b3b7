import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { pathToFileURL } from "node:url";
import { expect, test } from "vitest";
import { answering, BaseBed } from "../testing.ts";

const cart = (version: string) => ({ name: "cart", version, provides: { routes: [{ path: "/cart" }] } });

async function opened() {
  const bed = await BaseBed.open({ arklet: { port: 0 } });
  const ask = async (command: string, body: unknown, method = "POST") => {
    const sent = typeof body === "string" ? body : JSON.stringify(body);
    const response = await fetch(`http://127.0.0.1:${bed.base.arkletPort}/${command}`, {
      method,
      body: method === "POST" ? sent : null,
    });
    const text = await response.text();
    return {
      status: response.status,
      answer: response.status === 200 ? (JSON.parse(text) as Record<string, unknown>) : text,
    };
  };
  const urlOf = (version: string, text: string) => pathToFileURL(bed.bundle(cart(version), text).path).href;
  return { bed, ask, urlOf };
}

test("tools of the SOFAArk family install, query, switch and uninstall; what they bring is drift", async () => {
  const { bed, ask, urlOf } = await opened();
  await using _ = bed;
  const install = { bizName: "cart", bizVersion: "2.1.0", bizUrl: urlOf("2.1.0", answering("old")) };
  expect(await ask("installBiz", install)).toMatchObject({
    status: 200,
    answer: {
      code: "SUCCESS",
      baseIdentity: expect.any(String),
      data: {
        code: "SUCCESS",
        elapsedSpace: expect.any(Number),
        bizInfos: [{ bizState: "ACTIVATED", webContextPath: "/cart" }],
      },
    },
  });
  expect((await bed.get("/cart")).body).toBe("old");
  expect(bed.base.report().modules).toMatchObject([{ origin: "arklet" }]);
  expect((await ask("installBiz?x=1", install)).answer).toMatchObject({
    code: "FAILED",
    message: "install biz not success!",
    data: { code: "REPEAT_BIZ", elapsedSpace: 0 },
  });
  await ask("installBiz", { bizUrl: urlOf("2.2.0", answering("new")) });
  expect((await bed.get("/cart")).body).toBe("old");
  expect((await ask("switchBiz", { bizName: "cart", bizVersion: "2.2.0" })).answer).toMatchObject({ code: "SUCCESS" });
  expect((await bed.get("/cart")).body).toBe("new");
  const all = (await ask("queryAllBiz", "")).answer as {
    data: { bizState: string; bizStateRecords: { changeTime: number }[] }[];
  };
  expect(all.data.map(({ bizState }) => bizState)).toEqual(["DEACTIVATED", "ACTIVATED"]);
  expect(Number.isInteger(all.data[0]?.bizStateRecords[0]?.changeTime)).toBe(true);
  expect((await ask("uninstallBiz", { bizName: "cart", bizVersion: "9" })).answer).toMatchObject({
    code: "FAILED",
    message: "uninstall biz not success!",
    data: { code: "NOT_FOUND_BIZ", message: "Uninstall biz: cart:9 not found." },
  });
  expect((await ask("uninstallBiz", { bizName: "cart", bizVersion: "2.2.0" })).answer).toMatchObject({
    code: "SUCCESS",
  });
});

test("every bad command gets an answer, with reason and stack", async () => {
  const { bed, ask, urlOf } = await opened();
  await using _ = bed;
  expect(await ask("installBiz", "", "GET")).toEqual({
    status: 500,
    answer: "POST http request only supported by arklet",
  });
  expect((await ask("installBiz", "{broken")).answer).toMatchObject({ code: "FAILED" });
  expect((await ask("explode", {})).answer).toMatchObject({ code: "CMD_NOT_FOUND", message: "please follow the doc" });
  expect((await ask("installBiz", {})).answer).toMatchObject({
    code: "CMD_PROCESS_INTERNAL_ERROR",
    message: "Internal Error: bizUrl should not be blank",
    errorStackTrace: expect.any(String),
  });
  expect((await ask("installBiz", { bizUrl: "file:///nowhere.jar" })).answer).toMatchObject({
    code: "CMD_PROCESS_INTERNAL_ERROR",
  });
  const bad = await ask("installBiz", { bizUrl: urlOf("1.0.0", "throw new Error('no luck')") });
  expect(bad.answer).toMatchObject({
    code: "CMD_PROCESS_INTERNAL_ERROR",
    errorStackTrace: expect.stringContaining("module:cart@1.0.0"),
  });
  expect((await ask("switchBiz", { bizName: "cart", bizVersion: "1.0.0" })).answer).toMatchObject({
    data: { code: "ILLEGAL_STATE_BIZ" },
  });
});

test("batches, asynchronous operations, help and health", async () => {
  const { bed, ask, urlOf } = await opened();
  await using _ = bed;
  const bizUrl = urlOf("1.0.0", answering("one"));
  expect((await ask("installBiz", { bizUrl, async: true, requestId: "r-8" })).answer).toMatchObject({
    code: "SUCCESS",
    data: { requestId: "r-8", status: "INITIALIZED" },
  });
  const status = async () =>
    ((await ask("queryBizOps", { requestId: "r-8" })).answer as { data: { status: string } }).data.status;
  await expect.poll(status, { timeout: 60_000 }).toBe("SUCCEEDED");
  expect((await ask("queryBizOps", { requestId: "r-8" })).answer).toMatchObject({
    data: { endTime: expect.any(String) },
  });
  expect((await ask("installBiz", { bizUrl, async: true, requestId: "r-8" })).answer).toMatchObject({
    code: "FAILED",
    message: expect.stringContaining("has been executed"),
  });
  expect((await ask("queryBizOps", { requestId: "r-9" })).answer).toMatchObject({
    code: "FAILED",
    message: "Not found the corresponding ops record.",
  });
  const batch = await ask("batchInstallBiz", { bizList: [{ bizUrl }, { bizUrl: "file:///nowhere" }] });
  expect(batch.answer).toMatchObject({
    code: "FAILED",
    data: { bizUrlToResponse: { [bizUrl]: { code: "REPEAT_BIZ" } } },
  });
  const help = (await ask("help", "")).answer as { data: { id: string }[] };
  expect(help.data.map(({ id }) => id)).toEqual(expect.arrayContaining(["installBiz", "queryBizOps", "help"]));
  const health = (await ask("health", {})).answer as { data: { healthData: Record<string, Record<string, unknown>> } };
  expect(health.data.healthData).toMatchObject({
    masterBizInfo: { bizName: "shop" },
    bizListInfo: [{ bizName: "cart" }],
  });
  expect(Number.isInteger(health.data.healthData.jvm?.["java max metaspace"])).toBe(true);
});

test("in a batch who needs a service of another module comes after it", async () => {
  const { bed, ask } = await opened();
  await using _ = bed;
  const till = { name: "till", version: "1.0.0", needs: { services: { prices: {} } } };
  const prices = { name: "prices", version: "1.0.0", provides: { services: ["prices"] } };
  // It takes its time: whoever does not wait for it finds nobody.
  const late = "exports.activate = () => new Promise((done) => setTimeout(done, 50, { services: { prices: {} } }));";
  const bizList = [bed.bundle(till, "exports.activate = () => {};"), bed.bundle(prices, late)].map(({ path }) => ({
    bizUrl: pathToFileURL(path).href,
  }));
  expect((await ask("batchInstallBiz", { bizList })).answer).toMatchObject({ code: "SUCCESS" });
});

test("what an address gives without end is read no further than a bundle may be", async () => {
  const { bed, ask } = await opened();
  await using _ = bed;
  const endless = createServer((_request, response) => {
    const piece = Buffer.alloc(2 ** 20);
    const more = (): void => {
      while (response.writable && response.write(piece));
    };
    response.on("drain", more);
    more();
  });
  await once(endless.listen(0, "127.0.0.1"), "listening");
  const { port } = endless.address() as AddressInfo;
  for (const [bizUrl, problem] of [
    [`http://127.0.0.1:${port}/`, "more than"],
    ["file:///dev/zero", "no file"],
  ])
    expect((await ask("installBiz", { bizUrl })).answer).toMatchObject({
      code: "CMD_PROCESS_INTERNAL_ERROR",
      message: expect.stringContaining(problem as string),
    });
  endless.closeAllConnections();
  endless.close();
});
