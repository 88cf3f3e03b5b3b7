import { MODULE_OPERATION } from "@evenkeel/contracts/module-operation";
import { ROUTE_CHANGE } from "@evenkeel/contracts/traffic-rule";
import type { Load } from "@evenkeel/load/load";
import { answering, BASE_SERVER } from "@evenkeel/testkit/base-application";
import {
  buildConsole,
  failureFile,
  hasBrowser,
  LOOKS,
  loginLink,
  lookAtPages,
  openBrowser,
  openPage,
  pictureFile,
} from "@evenkeel/testkit/browser";
import { makeCertificate } from "@evenkeel/testkit/certificate";
import { twoCells } from "@evenkeel/testkit/console-pages";
import { type Platform, startPlatform } from "@evenkeel/testkit/platform";
import { Shop, settled } from "@evenkeel/testkit/shop";
import axe from "axe-core";
import type { Browser, Locator, Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";

const SPLIT = `
rules:
  - on: { kind: route, name: /prices }
    when: { header: { name: x-gray, equals: "please" } }
    to: [{ version: 1.0.0 }]
businesses:
  - { name: retail, when: { tier: gold }, modules: [carts] }
`;

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
    await twoCells(platform, shop, { "server.mjs": BASE_SERVER });
    browser = await openBrowser();
    ({ page, errors } = await openPage(browser));
    await page.goto(loginLink(platform.output()));
    await page.getByRole("heading", { name: "Home" }).waitFor();
    load = shop.load(30);
  });
  beforeEach(({ task, onTestFailed }) => {
    onTestFailed(async () => void (await page.screenshot({ path: failureFile(task.name) })));
  });
  afterAll(async () => {
    await load?.stop();
    await browser?.close();
    await platform?.remove();
  });

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

  test("a host is moved to another cell from its page, whose plan says who is served by whom, and the gateways are told of", async () => {
    const { items } = await platform.client.listHosts({ query: { name: "local-2" as never } });
    const host = items[0];
    await page.goto(address(`/hosts/${host?.id}`));
    await button("Move to another cell").press("Enter");
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Cell", { exact: true }).selectOption("green");
    await dialog.getByText("who serves users in blue").waitFor();
    await page.screenshot({ path: pictureFile("host-move") });
    await carryOut(inDialog("Move to another cell"));
    await page.goto(address("/w/local/hosts"));
    const row = page.getByRole("row", { name: /^local-2 / });
    await row.getByText(`${host?.zone} · green`).waitFor();
    await begin(ROUTE_CHANGE, { hosts: [{ host: "local-2", cell: "blue" }] });
    await button("Refresh").press("Enter");
    await row.getByText(`${host?.zone} · blue`).waitFor();

    await page.goto(address("/w/local/gateways"));
    await page.getByRole("columnheader", { name: "TLS" }).waitFor();
    const [gateway] = (await platform.client.listGateways({ query: {} })).items;
    const shown = page.getByRole("row", { name: new RegExp(`^${gateway?.name} `) });
    expect(await shown.textContent()).toMatch(new RegExp(`${gateway?.driver}.*off`));
    await page.getByRole("heading", { name: `What ${gateway?.driver} does otherwise` }).waitFor();
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

  test("callers are split among versions by a form that is the same as its YAML, and a business is made", async () => {
    await page.goto(address("/w/local/bases"));
    await page.getByRole("link", { name: "Split", exact: true }).press("Enter");
    await page.getByText("No splitting rules").waitFor();
    await button("Some callers (gray)").press("Enter");
    await page.getByLabel("Value", { exact: true }).fill("please");
    await button("Business").press("Enter");
    await page.getByLabel("Name of the business").fill("retail");
    await page.getByLabel("For whom", { exact: true }).fill("tier=gold");
    await page.locator(".split-picture", { hasText: "Header x-gray = please" }).getByText("1.0.0 100 %").waitFor();
    await page.locator(".batch-block").first().waitFor();
    await page.screenshot({ path: pictureFile("split-form") });
    await button("YAML").press("Enter");
    const yaml = page.getByLabel("The same rule as text");
    expect(await yaml.inputValue()).toContain("equals: please");
    await yaml.fill("rules: [{ to: [] }]");
    await page.getByText("rules.0.on").waitFor();
    await yaml.fill(SPLIT);
    await carryOut(button("Start the change"));
    await page.getByText("2 of 2 bases").first().waitFor();
    await page.goto(address("/w/local/bases"));
    await page.getByText("1 splitting rule").waitFor();
  });

  test("a module comes onto bases and into a business by one order", async () => {
    const bundle = answering("prices", "1.1.0");
    await platform.client.uploadModule({ query: { digest: bundle.object.digest }, body: new Uint8Array(bundle.bytes) });
    await page.goto(address("/w/local/modules/prices"));
    await button("Release prices 1.1.0").or(button("Release")).first().press("Enter");
    await page.getByRole("dialog").getByLabel("retail").check();
    await page.getByRole("dialog").locator(".batch-block").first().waitFor();
    await carryOut(inDialog("Release"));
    const { items } = await platform.client.listBaseClusters({ query: { workspace: "local" } });
    expect(items[0]?.businesses).toEqual([{ name: "retail", when: { tier: "gold" }, modules: ["carts", "prices"] }]);
  });

  test("a scaling rule is set by a form that says what it will do, looks, and is edited", async () => {
    await page.goto(address("/w/local/scaling-rules"));
    await page.getByText("No scaling rules yet").waitFor();
    await button("New scaling rule").press("Enter");
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Name").fill("prices-load");
    await dialog.getByLabel("Base-cluster").selectOption("front");
    await dialog.getByLabel("Module", { exact: true }).selectOption("prices");
    await dialog.getByLabel("Fewer bases below").fill("500");
    await dialog.getByText("It must lie under the other one.").waitFor();
    expect(await inDialog("Set the rule").isDisabled()).toBe(true);
    await dialog.getByLabel("Fewer bases below").fill("0");
    await dialog.getByText(/Above 200 for 60 s .* 1 more base holds prices, 4 at most/).waitFor();
    await page.screenshot({ path: pictureFile("scaling-rule") });
    await inDialog("Set the rule").press("Enter");
    const row = page.getByRole("row", { name: /prices-load/ });
    await row.getByText("1 – 4").waitFor();
    await row.getByRole("button", { name: "Edit" }).press("Enter");
    await dialog.getByLabel("Bases at most").fill("2");
    await inDialog("Set the rule").press("Enter");
    await row.getByText("1 – 2").waitFor();
    // It looks every ten seconds; whoever asks again sees what it found.
    await expect
      .poll(
        async () => {
          await button("Refresh").press("Enter");
          return await row.locator(".badge").count();
        },
        { timeout: 60_000, interval: 1000 },
      )
      .toBeGreaterThan(0);
    expect((await platform.client.getScalingRule({ params: { rule: "prices-load" as never } })).verdict?.bases).toBe(2);
  });

  test("a certificate is stored from one file, refused at its field, renewed and deleted; its key is never shown", async () => {
    const [shopCertificate, other] = [["shop.localhost"], ["other.localhost"]].map((hosts) =>
      makeCertificate({ hosts }),
    );
    await page.goto(address("/w/local/certificates"));
    await page.getByText("No certificates yet").waitFor();
    await button("New certificate").press("Enter");
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Name").fill("shop");
    await dialog.getByLabel("Certificate", { exact: true }).fill(shopCertificate?.chain ?? "");
    await dialog.getByText("1 certificate", { exact: false }).first().waitFor();
    await dialog.getByLabel("Private key").fill(other?.key ?? "");
    await inDialog("Store").press("Enter");
    await dialog.getByText("CERTIFICATE_KEY_FOREIGN").waitFor();
    await page.screenshot({ path: pictureFile("certificate-refused") });
    expect(await dialog.textContent()).not.toContain("PRIVATE KEY");
    const file = {
      name: "all.pem",
      mimeType: "text/plain",
      buffer: Buffer.from(`${shopCertificate?.key}${shopCertificate?.chain}`),
    };
    await inDialog("Another one").last().press("Enter");
    await dialog.locator('input[type="file"]').setInputFiles(file);
    await inDialog("Store").press("Enter");
    const row = page.getByRole("row", { name: /^shop / });
    await row.getByText("shop.localhost").first().waitFor();
    await row.getByText(/\d+ days left/).waitFor();
    await row.getByRole("button", { name: "Renew" }).press("Enter");
    await dialog.locator('input[type="file"]').first().setInputFiles(file);
    await dialog.getByLabel("The default").check();
    await inDialog("Store").press("Enter");
    await row.getByText("The default").waitFor();
    const ending = makeCertificate({ hosts: ["soon.localhost"], endsAt: new Date(Date.now() + 9.5 * 86_400_000) });
    await platform.client.putCertificate({
      params: { certificate: "soon" as never },
      body: { workspace: "local" as never, ...ending, fallback: false },
    });
    await button("Refresh").press("Enter");
    const soon = page.getByRole("row", { name: /^soon / });
    await soon.locator(".badge.tone-warn", { hasText: "9 days left" }).waitFor();
    await row.getByRole("button", { name: "Delete" }).press("Enter");
    await dialog.getByText("shop.localhost, hosts that no certificate is for").waitFor();
    await inDialog("Delete").press("Enter");
    await row.waitFor({ state: "detached" });
  });

  test("a rule sends to a base-cluster, and who fits it would be answered there", async () => {
    await page.goto(address("/w/local/new-traffic-rule"));
    await page.getByLabel("Name", { exact: true }).fill("to-front");
    await page.getByLabel("Service", { exact: true }).first().selectOption("shop");
    await page.getByLabel("Priority").fill("50");
    await button("Condition").press("Enter");
    await page.getByLabel("Its name").fill("x-front");
    await page.getByLabel("Test", { exact: true }).selectOption("present");
    await page.getByLabel("To", { exact: true }).selectOption("baseCluster");
    const cluster = page.getByLabel("Value", { exact: true }).last();
    await cluster.fill("nowhere");
    await page.getByText("RULE_TARGET_UNKNOWN").waitFor();
    expect(await button("Start the change").isDisabled()).toBe(true);
    await cluster.fill("front");
    await page.getByText("of those that fit: 100 % to base-cluster front").waitFor();
    await page.screenshot({ path: pictureFile("rule-base-cluster") });
    await carryOut(button("Start the change"));
    await page.goto(address("/w/local/traffic-rules"));
    await page.locator(".try select").first().selectOption("shop");
    await page.getByLabel("Headers").fill("x-front: yes");
    await button("Try").press("Enter");
    const answer = page.locator(".try-answer");
    await answer.getByText("to-front").first().waitFor();
    await answer.getByText("local-1, local-2").waitFor();
  });

  const PAGES: Readonly<Record<string, string>> = {
    ...{ topology: "/w/local/topology", placement: "/w/local/placement", modules: "/w/local/modules" },
    ...{ "module-services": "/w/local/modules?view=services", module: "/w/local/modules/prices" },
    ...{ bases: "/w/local/bases", routes: "/w/local/routes", rules: "/w/local/traffic-rules" },
    ...{ certificates: "/w/local/certificates", "scaling-rules": "/w/local/scaling-rules" },
    ...{ split: "/w/local/bases/front/split", gateways: "/w/local/gateways" },
    ...{ rule: "/w/local/traffic-rules/testers", "new-rule": "/w/local/new-traffic-rule", cells: "/w/local/cells" },
  };
  test.each(LOOKS)("in %s and %s every page is whole and can be used by everybody", async (language, theme) => {
    const { items } = await platform.client.listChanges({ query: { kind: MODULE_OPERATION } });
    const split = items.find(({ title }) => title.startsWith("split"))?.id;
    const pages = { ...PAGES, "split-change": `/changes/${split}`, "split-plan": `/changes/${split}?view=plan` };
    const which = { language, theme, address, token: platform.token, pages, axeSource: axe.source };
    expect(await lookAtPages(browser, which)).toEqual({ serious: [], english: [], errors: [] });
  });

  test("a scaling rule is deleted, and says first what that means", async () => {
    await page.goto(address("/w/local/scaling-rules"));
    const row = page.getByRole("row", { name: /prices-load/ });
    await row.getByRole("button", { name: "Delete" }).press("Enter");
    await inDialog("Delete").press("Enter");
    await page.getByText("No scaling rules yet").waitFor();
    expect((await platform.client.listScalingRules({ query: {} })).items).toEqual([]);
  });

  test("no page has thrown, and the policy of the page has refused nothing", () => {
    expect(errors).toEqual([]);
  });
});
