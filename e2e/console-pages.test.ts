import { RELEASE_ORDER } from "@evenkeel/client/deployment";
import { ROUTE_CHANGE } from "@evenkeel/contracts/traffic-rule";
import type { Load } from "@evenkeel/load/load";
import { answering, BASE_SERVER } from "@evenkeel/testkit/base-application";
import {
  buildConsole,
  hasBrowser,
  LOOKS,
  lookAtPages,
  openBrowser,
  openPage,
  pictureFile,
} from "@evenkeel/testkit/browser";
import { type Platform, startPlatform } from "@evenkeel/testkit/platform";
import { Shop, settled } from "@evenkeel/testkit/shop";
import axe from "axe-core";
import type { Browser, Locator, Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";

// One platform: a base application in two versions, one a cell, under load. Each test goes on where the one before ended.

describe.skipIf(!hasBrowser)("topology, modules and traffic in the console", () => {
  let platform: Platform;
  let browser: Browser;
  let page: Page;
  let errors: string[];
  let shop: Shop;
  let load: Load;

  beforeAll(async () => {
    buildConsole();
    platform = await startPlatform();
    shop = new Shop(platform);
    await prepare();
    browser = await openBrowser();
    ({ page, errors } = await openPage(browser));
    await page.goto(/https?:\S+\/login#link=\S+/.exec(platform.output())?.[0] ?? "");
    await page.getByRole("heading", { name: "Home" }).waitFor();
    load = shop.load(30);
  });
  beforeEach(({ task, onTestFailed }) => {
    const name = `failed-${task.name.replaceAll(/\W+/g, "-").slice(0, 60)}`;
    onTestFailed(async () => void (await page.screenshot({ path: pictureFile(name) })));
  });
  afterAll(async () => {
    await load?.stop();
    await browser?.close();
    await platform?.remove();
  });

  /** Two cells with two hosts each; the new version stands in the one that nobody is sent to. */
  async function prepare(): Promise<void> {
    const { client } = platform;
    const { zones } = await client.getWorkspace({ params: { workspace: "local" } });
    const cell = { workspace: "local", zones } as const;
    await client.createCell({ body: { ...cell, name: "green", colour: "green" } });
    await client.createCell({ body: { ...cell, name: "blue", colour: "blue", failOver: "green" } });
    for (const { id, name } of (await client.listHosts({ query: {} })).items)
      await client.editHost({ params: { hostId: id }, body: { cell: /[12]$/.test(name) ? "blue" : "green" } });
    const files = { "server.mjs": BASE_SERVER };
    expect((await shop.release({ version: "1.0.0", files })).state).toBe("succeeded");
    const weights = [
      { cell: "blue", weight: 100 },
      { cell: "green", weight: 0 },
    ];
    const spec = { cells: weights, userKey: [{ header: "x-user" }] };
    await begin(ROUTE_CHANGE, spec);
    await begin(RELEASE_ORDER, { ...(await shop.specOf({ version: "2.0.0", files })), hosts: { cells: ["green"] } });
  }

  async function begin(kind: string, spec: object): Promise<void> {
    const change = await platform.client.createChange({ body: { kind, spec, start: {} } });
    expect((await settled(platform, change)).state).toBe("succeeded");
  }

  const address = (path: string) => `${platform.controlPlanes[0]}${path}`;
  const button = (name: string): Locator => page.getByRole("button", { name, exact: true });
  const inDialog = (name: string): Locator => page.getByRole("dialog").getByRole("button", { name, exact: true });
  /** Presses what starts a change, and waits on its page until it has succeeded. */
  async function carryOut(start: Locator): Promise<void> {
    // Only once its plan is there it can be pressed.
    await start.click();
    await page.waitForURL(/\/changes\/chg_/);
    await page.locator(".page-head .badge", { hasText: "Succeeded" }).waitFor();
  }

  test("a workspace is drawn from its application to its instances, and the traffic flows on its lines", async () => {
    await page.goto(address("/w/local/topology"));
    const node = (name: RegExp): Locator => page.getByRole("button", { name });
    await node(/^Service\s+shop.*healthy.*\/s$/).waitFor();
    await node(/^Cell or zone\s+blue.*\/s$/).waitFor();
    expect(await node(/^Instance\s+shop\s*[12]\.0\.0/).count()).toBe(4);
    expect(await page.locator(".line.flowing").count()).toBeGreaterThan(0);
    await node(/^Service\s+shop/).press("Enter");
    await page.locator(".topology-summary", { hasText: "4 of 4 instances healthy" }).waitFor();
    await page.keyboard.press("ArrowRight");
    await page.locator('.node[data-node^="cell "]:focus').waitFor();
    await page.reload();
    await page.locator('.node[aria-pressed="true"]').waitFor();
    await page.locator(".topology-filter").selectOption("shop");
    expect(page.url()).toContain("service=shop");
  });

  test("the page of routes shows who gets which share", async () => {
    await page.goto(address("/w/local/routes"));
    const rows = page.locator(".share-rows li");
    await rows.filter({ hasText: "1.0.0" }).filter({ hasText: "100 %" }).waitFor();
    await rows.filter({ hasText: "2.0.0" }).filter({ hasText: "0 %" }).waitFor();
  });

  test("a rule is written as a form, seen as YAML, shows who moves, and is tried on a request", async () => {
    await page.goto(address("/w/local/new-traffic-rule"));
    await page.getByLabel("Name", { exact: true }).fill("testers");
    await page.getByLabel("Service", { exact: true }).first().selectOption("shop");
    await page.getByLabel("Priority").fill("100");
    await button("Condition").press("Enter");
    await page.getByLabel("Its name").fill("x-user");
    await page.getByLabel("Value", { exact: true }).fill("ann");
    await page.getByLabel("To", { exact: true }).selectOption("cell");
    await page.getByLabel("Value", { exact: true }).nth(1).fill("green");
    await page.getByText("of those that fit: 100 % to cell green").waitFor();
    await button("YAML").press("Enter");
    const yaml = page.getByLabel("The same rule as text");
    expect(await yaml.inputValue()).toContain("header: x-user");
    await yaml.fill((await yaml.inputValue()).replace("priority: 100", "priority: 150"));
    await carryOut(button("Start the change"));
    await page.goto(address("/w/local/traffic-rules"));
    await page.getByRole("cell", { name: "150" }).waitFor();
    await page.locator(".try select").first().selectOption("shop");
    await page.getByLabel("Headers").fill("x-user: ann");
    await button("Try").press("Enter");
    const answer = page.locator(".try-answer");
    await answer.getByText("2.0.0").waitFor();
    expect(await answer.textContent()).toContain("testers");
    await page.screenshot({ path: pictureFile("rule-tried") });
    await page.getByLabel("Headers").fill("x-user: ben");
    await button("Try").press("Enter");
    await answer.getByText("no rule: all instances, by weight").waitFor();
  });

  test("a rule that can never be is refused where it is written", async () => {
    await page.goto(address("/w/local/traffic-rules/testers"));
    await button("YAML").press("Enter");
    const yaml = page.getByLabel("The same rule as text");
    await yaml.fill("name: [");
    await page.getByText("This cannot be read").waitFor();
    await yaml.fill("name: testers\nservice: shop\nsend: { to: [{ to: { version: 9.9.9 } }] }\n");
    await page.getByText("RULE_TARGET_UNKNOWN").waitFor();
    expect(await button("Start the change").isDisabled()).toBe(true);
  });

  test("users are switched to the other cell by steps, and back in one action", async () => {
    await page.goto(address("/w/local/cells"));
    const share = (cell: string): Locator => page.getByRole("row", { name: new RegExp(`^${cell} `) });
    await share("blue").filter({ hasText: "100 %" }).waitFor();
    await button("Switch").press("Enter");
    const dialog = page.getByRole("dialog");
    expect(await dialog.getByLabel("Weight of green").inputValue()).toBe("100");
    await dialog.getByLabel("Steps, percent").fill("50, 100");
    await dialog.getByText("weight of cell green").first().waitFor();
    await carryOut(inDialog("Switch"));
    await page.goto(address("/w/local/cells"));
    await share("green").filter({ hasText: "100 %" }).waitFor();
    await button("Switch back").first().press("Enter");
    await dialog.getByLabel("Reason").fill("blue was better");
    await carryOut(inDialog("Switch back"));
    await page.goto(address("/w/local/cells"));
    await share("blue").filter({ hasText: "100 %" }).waitFor();
    await share("blue").getByRole("button", { name: "Send away" }).press("Enter");
    await dialog.getByText("away, served by green").waitFor();
    await page.keyboard.press("Escape");
  });

  test("a base-cluster is made, bases come into it, a module is released onto it and is seen where it stands", async () => {
    const { client } = platform;
    await page.goto(address("/w/local/bases"));
    await button("New base-cluster").press("Enter");
    await page.getByRole("dialog").getByLabel("Name").fill("front");
    await inDialog("Create").press("Enter");
    await page.getByRole("heading", { name: "front" }).waitFor();
    for (const base of ["shop@local-1", "shop@local-2"]) await page.getByLabel(`Choose ${base}`).check();
    await button("Move 2").press("Enter");
    await page.getByRole("dialog").getByLabel("Base-cluster").selectOption("front");
    await carryOut(inDialog("Move"));
    const bundle = answering("prices", "1.0.0");
    await client.uploadModule({ query: { digest: bundle.object.digest }, body: new Uint8Array(bundle.bytes) });
    await page.goto(address("/w/local/modules/prices"));
    await button("Release").first().press("Enter");
    await page.getByRole("dialog").locator(".batch-block").first().waitFor();
    await page.screenshot({ path: pictureFile("module-release") });
    await carryOut(inDialog("Release"));
    await page.goto(address("/w/local/placement"));
    await page.locator(".chip.published", { hasText: "1.0.0" }).nth(1).waitFor();
    await page.goto(address("/w/local/modules?view=services"));
    await page.getByRole("cell", { name: "/prices", exact: true }).waitFor();
    await page.goto(address("/w/local/modules/prices"));
    await button("Withdraw").press("Enter");
    await carryOut(inDialog("Withdraw"));
    await page.goto(address("/w/local/modules/prices"));
    await page.getByText("Active on 2 of 2").waitFor();
    await button("Publish").press("Enter");
    await carryOut(inDialog("Publish"));
  });

  const PAGES: Readonly<Record<string, string>> = {
    ...{ topology: "/w/local/topology", placement: "/w/local/placement", modules: "/w/local/modules" },
    ...{ "module-services": "/w/local/modules?view=services", module: "/w/local/modules/prices" },
    ...{ bases: "/w/local/bases", routes: "/w/local/routes", rules: "/w/local/traffic-rules" },
    ...{ rule: "/w/local/traffic-rules/testers", "new-rule": "/w/local/new-traffic-rule", cells: "/w/local/cells" },
  };
  test.each(LOOKS)("in %s and %s every page is whole and can be used by everybody", async (language, theme) => {
    const which = { language, theme, address, token: platform.token, pages: PAGES, axeSource: axe.source };
    expect(await lookAtPages(browser, which)).toEqual({ serious: [], english: [], errors: [] });
  });

  test("no page has thrown, and the policy of the page has refused nothing", () => {
    expect(errors).toEqual([]);
  });
});
