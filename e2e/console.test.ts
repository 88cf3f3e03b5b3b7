import { readFileSync } from "node:fs";
import { join } from "node:path";
import { packFolder } from "@evenkeel/client/node/pack";
import {
  buildConsole,
  failureFile,
  hasBrowser,
  LOOKS,
  logIn,
  loginLink,
  lookAtPages,
  openBrowser,
  openPage,
  pictureFile,
} from "@evenkeel/testkit/browser";
import { consolePages, fillPages, OUTAGE } from "@evenkeel/testkit/console-pages";
import { handsOf } from "@evenkeel/testkit/hands";
import { type Platform, startPlatform } from "@evenkeel/testkit/platform";
import { openRelay } from "@evenkeel/testkit/relay";
import { Shop } from "@evenkeel/testkit/shop";
import axe from "axe-core";
import type { Browser, Page, Request } from "playwright-core";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";

// One person at one console: each test goes on where the one before ended.

describe.skipIf(!hasBrowser)("the console", () => {
  let platform: Platform;
  let browser: Browser;
  let page: Page;
  let errors: string[];
  let shop: Shop;

  beforeAll(async () => {
    buildConsole();
    platform = await startPlatform();
    browser = await openBrowser();
    ({ page, errors } = await openPage(browser));
    shop = new Shop(platform);
  });
  beforeEach(({ task, onTestFailed }) => {
    onTestFailed(async () => void (await page.screenshot({ path: failureFile(task.name) })));
  });
  afterAll(async () => {
    await browser?.close();
    await platform?.remove();
  });

  const { address, button, press, ask, act, shows, tiles } = handsOf(() => ({ page, platform }));
  const link = (): string => loginLink(platform.output());

  test("one logs in by the link that the start has printed; it is gone from the address and works once", async () => {
    await page.goto(link());
    await page.getByRole("heading", { name: "Home" }).waitFor();
    expect(page.url()).toBe(address("/w/local"));
    expect(await page.evaluate("document.cookie")).toBe("");
    await page.getByText("Everything is on an even keel").waitFor();
    const other = await openPage(browser);
    await other.page.goto(link());
    await other.page.getByText("The login link was used already.").waitFor();
    await other.page.context().close();
  });

  test("an archive is uploaded and released by keyboard, confirmed batch by batch, and watched live", async () => {
    const file = join(platform.home, "shop-1.0.0.tar.gz");
    await packFolder(shop.write({ version: "1.0.0" }), file);
    await press(page.getByRole("link", { name: "New release" }));
    await page.getByLabel("Or a new application").fill("shop");
    await press(button("Create it"));
    await page.getByLabel("Start command").fill("node server.mjs");
    await page.getByLabel("Health address").fill("/healthz");
    await page.getByLabel("Routes").fill("shop.localhost");
    await page.getByLabel("Environment").fill(`EFFECTS=${shop.effectsFile}`);
    await page.locator('input[type="file"]').setInputFiles(file);
    await press(button("Upload"));
    await page.locator(".batch-block").first().waitFor();
    await page.getByLabel("Beta hosts").fill("1");
    await press(button("after the first batch"));
    await page.getByText("A person confirms before it begins").first().waitFor();
    await press(button("Start the release"));
    await page.waitForURL(/\/changes\/chg_/);
    await shows("awaiting-confirmation", "Awaiting confirmation");
    expect(await tiles("succeeded").count()).toBe(1);
    await page.screenshot({ path: pictureFile("change-waiting") });
    await act("Confirm");
    await shows("succeeded", "Succeeded");
    expect(await tiles("succeeded").count()).toBe(4);
  });

  test("for a minute of a release the streams tell it all, over cuts too: nothing is asked for that no key has caused", async () => {
    const script = "for line in $(seq 32); do echo line $line of 32; sleep 0.5; done";
    const template = { name: "talk", actions: [{ name: "talk", script }] };
    await platform.client.createCommandTemplate({ body: template });
    const start = "echo the shop is open && exec node server.mjs";
    const flow = [{ template: "talk", after: "await-health" }];
    const change = await shop.plan({ version: "1.1.0", strategy: { batches: "each" }, manifest: { flow, start } });
    const relay = await openRelay(address("/"));
    const own = await openPage(browser);
    const talk = own.page.locator(".panel .output");
    await own.page.goto(`${relay.url}/changes/${change.id}`);
    await logIn(own.page, platform.token);
    const host = own.page.locator(".tile").last();
    await press(host);
    await own.page.locator(".panel").waitFor();
    await own.page.locator(".change-board section.card").waitFor();
    const asked: Request[] = [];
    own.page.on("request", (request) => asked.push(request));
    await platform.client.startChange({ params: { changeId: change.id }, body: {} });
    await own.page.locator('.tile[data-state="succeeded"]').nth(1).waitFor();
    expect(relay.cut()).toBeGreaterThan(0);
    await own.page.locator(".panel .output", { hasText: "line 8 of 32" }).waitFor();
    expect(relay.cut()).toBeGreaterThan(0);
    await own.page.locator(".page-head .badge", { hasText: "Succeeded" }).waitFor({ timeout: 120_000 });
    const { startedAt, finishedAt } = await platform.client.getChange({ params: { changeId: change.id } });
    expect(Date.parse(finishedAt ?? "") - Date.parse(startedAt ?? "")).toBeGreaterThan(60_000);
    const others = asked.filter((request) => !new URL(request.url()).pathname.endsWith("/events"));
    expect(others.map((request) => request.url())).toEqual([]);
    const trees = asked.filter((request) => request.url().endsWith("/tree/events"));
    expect(trees.length).toBeGreaterThanOrEqual(2);
    expect(trees.every((request) => Number(request.headers()["last-event-id"]) > 0)).toBe(true);
    expect(await own.page.locator('.tile[data-state="succeeded"]').count()).toBe(4);
    await press(own.page.locator(".panel .timeline button", { hasText: "talk" }));
    const lines = (await talk.innerText()).trim().split("\n");
    expect(lines).toEqual(Array.from({ length: 32 }, (_, index) => `line ${index + 1} of 32`));
    expect(own.errors).toEqual([]);
    await own.page.context().close();
    await relay.close();
  });

  test("a failing release tells host, step, cause and output, and is rolled back from where one stands", async () => {
    const failing = { budget: { failures: 0, action: "stop" }, healthyDeadlineSeconds: 2 };
    const change = await shop.start({ version: "2.0.0", health: 500, strategy: failing });
    await page.goto(address(`/changes/${change.id}`));
    await shows("failed", "Failed");
    await page.getByText("/healthz answered 500").first().waitFor();
    await press(tiles("failed").first());
    const panel = page.locator(".panel");
    await panel.getByText("Likely cause").first().waitFor();
    await panel.getByText("node server.mjs").waitFor();
    expect(page.url()).toContain("host=");
    await page.screenshot({ path: pictureFile("failed-host") });
    await page.keyboard.press("Escape");
    await panel.waitFor({ state: "detached" });
    await act("Roll back", "it does not start");
    await shows("rolled-back", "Rolled back");
    expect((await shop.instances()).every(({ packageVersion }) => packageVersion === "1.1.0")).toBe(true);
  });

  test("the arrow keys go from host to host, and Enter opens one", async () => {
    await tiles("reverted").or(tiles("pending")).or(tiles("staged")).or(tiles("failed")).first().waitFor();
    const first = page.locator('.tile[tabindex="0"]');
    await first.focus();
    await page.keyboard.press("ArrowRight");
    const next = await page.evaluate("document.activeElement.dataset.target");
    expect(next).toBeTruthy();
    await page.keyboard.press("Enter");
    await page.locator(".panel").waitFor();
    await page.keyboard.press("Escape");
  });

  test("one click tells what is wrong with a change, and frees it; the report is taken along as a file", async () => {
    const failing = { budget: { failures: 0, action: "stop" }, healthyDeadlineSeconds: 2 };
    const change = await shop.release({ version: "2.1.0", health: 500, strategy: failing });
    await page.goto(address(`/changes/${change.id}`));
    await press(page.getByRole("link", { name: "Diagnose" }));
    await page.getByText("Something is wrong").waitFor();
    await page.getByText("/healthz answered 500").first().waitFor();
    await page.getByText("$ node server.mjs").first().waitFor();
    const [download] = await Promise.all([page.waitForEvent("download"), press(button("Download the report"))]);
    const report = readFileSync(await download.path(), "utf8");
    expect(report).toContain("# shop");
    expect(report).toContain(`evenkeel change rollback ${change.id}`);
    await page.emulateMedia({ media: "print", colorScheme: "dark" });
    await page.getByRole("navigation").waitFor({ state: "hidden" });
    expect(await button("Download the report").isVisible()).toBe(false);
    await page.screenshot({ path: pictureFile("diagnosis-on-paper"), fullPage: true });
    await page.emulateMedia({ media: null, colorScheme: "light" });
    await press(page.getByRole("link", { name: "Roll back" }).first());
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Why").fill("the diagnosis says so");
    await press(dialog.getByRole("button", { name: "Roll back", exact: true }));
    await shows("rolled-back", "Rolled back");
    expect(page.url()).not.toContain("ask=");
  });

  test("a host tells what it uses and what runs on it, with the log as it is written", async () => {
    await page.goto(address("/w/local/hosts"));
    await press(page.getByRole("link", { name: "local-1" }));
    await page.getByRole("img", { name: /^CPU, %/ }).waitFor();
    await page.getByRole("link", { name: "shop", exact: true }).first().waitFor();
    const log = page.getByRole("log");
    await log.getByText("the shop is open").first().waitFor();
    await page.screenshot({ path: pictureFile("host-live") });
    const before = await log.getByText("the shop is open").count();
    await platform.client.createChange({
      body: { kind: "operation-order", spec: { service: "shop", operation: "restart" }, start: {} },
    });
    await expect.poll(() => log.getByText("the shop is open").count(), { timeout: 60_000 }).toBeGreaterThan(before);
  });

  test("a service is restarted on one host by a form whose plan stands there before anything begins", async () => {
    const { id } = await shop.service();
    await expect
      .poll(async () => (await platform.client.listChanges({ query: { service: id } })).items[0]?.state, {
        timeout: 60_000,
      })
      .toBe("succeeded");
    await page.goto(address(`/services/${id}`));
    await press(page.getByRole("link", { name: "Operate" }));
    await page.getByLabel("local-2").check();
    await page.locator(".batch-block").first().waitFor();
    await expect.poll(() => page.locator(".batch-block").count()).toBe(1);
    await press(button("Start the restart"));
    await page.waitForURL(/\/changes\/chg_/);
    await shows("succeeded", "Succeeded");
    expect(await page.locator(".tile").count()).toBe(1);
  });

  test("what is filled in is there after a reload, on the way back and after a login; who logs out, does so in all windows", async () => {
    const own = await openPage(browser);
    const beta = own.page.getByLabel("Beta hosts");
    const isKept = () => expect.poll(() => beta.inputValue(), { timeout: 60_000 }).toBe("3");
    await own.page.goto(address("/w/local/release?application=shop"));
    await logIn(own.page, platform.token);
    await beta.fill("3");
    const kept = () => own.page.evaluate("history.state?.release?.strategy.beta");
    await expect.poll(kept, { timeout: 60_000 }).toBe(3);
    await own.page.reload();
    await isKept();
    await own.page.getByRole("link", { name: "Hosts" }).press("Enter");
    await own.page.getByRole("heading", { name: "Hosts" }).waitFor();
    await own.page.goBack();
    await isKept();
    const beside = await own.page.context().newPage();
    await beside.goto(address("/w/local"));
    await beside.getByRole("button", { name: "Log out" }).press("Enter");
    await own.page.getByLabel("Access token").waitFor();
    await logIn(beside, platform.token);
    await isKept();
    expect(own.errors).toEqual([]);
    await own.page.context().close();
  });

  test("a page that cannot be loaded says so, and comes by itself once somebody answers", async () => {
    const own = await openPage(browser);
    await own.page.goto(address("/w/local"));
    await logIn(own.page, platform.token);
    await own.page.getByRole("heading", { name: "Home" }).waitFor();
    await own.page.context().setOffline(true);
    await own.page.getByRole("link", { name: "Gateways" }).press("Enter");
    await own.page.getByText("CONTROL_PLANE_UNREACHABLE").first().waitFor();
    await own.page.context().setOffline(false);
    await own.page.getByRole("heading", { name: "Gateways" }).waitFor();
    expect(own.page.url()).toBe(address("/w/local/gateways"));
    await own.page.context().close();
  });

  test("a freeze is set, keeps a release from starting and is taken away again", async () => {
    await page.goto(address("/windows"));
    await ask(button("New freeze"));
    await press(page.getByRole("dialog").getByRole("button", { name: "Freeze" }));
    await page.getByRole("cell", { name: "freeze", exact: true }).waitFor();
    const change = await shop.plan({ version: "3.0.0" });
    await page.goto(address(`/changes/${change.id}`));
    await ask(button("Start"));
    await press(page.getByRole("dialog").getByRole("button", { name: "Start", exact: true }));
    await page.getByRole("dialog").getByText("CHANGE_FROZEN").waitFor();
    await page.keyboard.press("Escape");
    await page.goto(address("/windows"));
    await ask(button("Remove"));
    await press(page.getByRole("dialog").getByRole("button", { name: "Remove" }));
    await page.getByText("No windows").waitFor();
  });

  test("a change that waits for approval is found and approved by somebody else", async () => {
    const { client } = platform;
    const may = ["*:read", "change:approve"];
    const { secret } = await client.createToken({ body: { as: "bob", may } });
    await client.setApprovalRule({ params: { rule: "four-eyes" }, body: { principals: ["bob"], count: 1 } });
    const change = await shop.plan({ version: "3.1.0" });
    await client.startChange({ params: { changeId: change.id }, body: {} });
    const bob = await openPage(browser);
    await bob.page.goto(address("/approvals"));
    await logIn(bob.page, secret);
    await bob.page.getByRole("link", { name: change.title }).click();
    await bob.page.getByRole("button", { name: "Approve" }).click();
    await bob.page.getByRole("dialog").getByRole("button", { name: "Approve" }).click();
    await bob.page.locator(".page-head .badge", { hasText: /Running|Succeeded/ }).waitFor();
    expect(bob.errors).toEqual([]);
    await bob.page.context().close();
    await client.removeApprovalRule({ params: { rule: "four-eyes" } });
    await page.goto(address(`/changes/${change.id}`));
    await shows("succeeded", "Succeeded");
  });

  test("a lock names its holder, and is taken over with a reason; a second window shows what the first one does", async () => {
    const change = await shop.start({ version: "4.0.0", strategy: { beta: 1, confirm: "first" } });
    // Beside each other, both in sight: their streams must leave a connection for what people ask for.
    const beside = await page.context().newPage();
    for (const window of [page, beside]) {
      await window.goto(address(`/changes/${change.id}`));
      await window.getByRole("button", { name: "Confirm", exact: true }).first().waitFor();
    }
    await act("Pause");
    await beside.locator(".page-head .badge", { hasText: "Paused" }).waitFor();
    await page.goto(address("/locks"));
    await page.getByRole("link", { name: change.title }).first().waitFor();
    await ask(button("Take over").first());
    await page.getByRole("dialog").getByLabel("Why").fill("nobody is here any more");
    await press(page.getByRole("dialog").getByRole("button", { name: "Take over" }));
    await page.waitForURL(/\/changes\/chg_/);
    await shows("closed", "Closed");
    await beside.locator(".page-head .badge", { hasText: "Closed" }).waitFor();
    await beside.close();
  });

  test("the language is switched with one key, and stays", async () => {
    await page.goto(address("/w/local"));
    await press(page.getByRole("button", { name: "Language: switch to Chinese" }));
    await page.getByRole("heading", { name: "首页" }).waitFor();
    await page.reload();
    await page.getByRole("heading", { name: "首页" }).waitFor();
    expect(await page.evaluate("document.documentElement.lang")).toBe("zh-CN");
    await press(page.getByRole("button", { name: "语言：切换为英文" }));
    await page.getByRole("heading", { name: "Home" }).waitFor();
  });

  /** What people of these tests have said. */
  const THEIRS = ["it does not start", "the diagnosis says so", "nobody is here any more"];

  test("for the pages something has failed, waits, is kept and was begun past the rules", async () => {
    await fillPages(platform, shop);
  });

  test.each(LOOKS)("in %s and %s every page is whole and can be used by everybody", async (language, theme) => {
    const pages = await consolePages(platform, shop);
    const which = {
      language,
      theme,
      address,
      token: platform.token,
      pages,
      axeSource: axe.source,
      theirs: [...THEIRS, OUTAGE],
    };
    expect(await lookAtPages(browser, which)).toEqual({ serious: [], english: [], errors: [] });
  });

  test("a session that has ended leads to the way in, and from there back to the page", async () => {
    const own = await openPage(browser);
    const hosts = own.page.getByRole("heading", { name: "Hosts" });
    await own.page.goto(address("/w/local/hosts"));
    await logIn(own.page, platform.token);
    await hosts.waitFor();
    const { items } = await platform.client.listTokens({ query: { limit: 200 } });
    const newest = items.filter(({ kind }) => kind === "session").reduce((a, b) => (a.createdAt < b.createdAt ? b : a));
    await platform.client.revokeToken({ params: { tokenId: newest.id } });
    await own.page.getByRole("button", { name: "Refresh" }).click();
    await logIn(own.page, platform.token);
    await hosts.waitFor();
    expect(own.page.url()).toBe(address("/w/local/hosts"));
    expect(own.errors).toEqual([]);
    await own.page.context().close();
  });

  test("whoever logs out sees nothing any more, and his cookie opens nothing", async () => {
    await page.goto(address("/w/local"));
    const cookies = await page.context().cookies(address("/api/v1/me"));
    expect(cookies).toMatchObject([{ name: "evenkeel_session", httpOnly: true, sameSite: "Strict" }]);
    await press(button("Log out"));
    await page.getByLabel("Access token").waitFor();
    const headers = { cookie: `evenkeel_session=${cookies[0]?.value}`, "x-evenkeel-console": "1" };
    expect((await fetch(address("/api/v1/me"), { headers })).status).toBe(401);
    expect(errors).toEqual([]);
  });
});
