import { ROUTE_CHANGE } from "@evenkeel/contracts/traffic-rule";
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
import { handsOf } from "@evenkeel/testkit/hands";
import { type Platform, startPlatform } from "@evenkeel/testkit/platform";
import { Shop, settled } from "@evenkeel/testkit/shop";
import axe from "axe-core";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";

// One service on four hosts, released from the form in each way in which users may follow. Each test goes on where the one before ended.

describe.skipIf(!hasBrowser)("releases that move users, from the form to their end", () => {
  let platform: Platform;
  let browser: Browser;
  let page: Page;
  let errors: string[];
  let shop: Shop;

  beforeAll(async () => {
    buildConsole();
    platform = await startPlatform();
    shop = new Shop(platform);
    expect((await shop.release({ version: "1.0.0" })).state).toBe("succeeded");
    browser = await openBrowser();
    ({ page, errors } = await openPage(browser));
    await page.goto(loginLink(platform.output()));
    await page.getByRole("heading", { name: "Home" }).waitFor();
  });
  beforeEach(({ task, onTestFailed }) => {
    onTestFailed(async () => void (await page.screenshot({ path: failureFile(task.name) })));
  });
  afterAll(async () => {
    await browser?.close();
    await platform?.remove();
  });

  const { address, button, press, ask, act, shows, tiles } = handsOf(() => ({ page, platform }));
  const rules = async () => (await platform.client.listTrafficRules({ query: { workspace: "local" as never } })).items;
  const versions = async () => (await shop.instances()).map(({ packageVersion }) => packageVersion as string).sort();

  /** The form of a release of a new version; its package is there already. */
  async function newRelease(version: string): Promise<void> {
    await shop.upload({ version });
    await page.goto(address(`/w/local/release?application=shop&version=${version}`));
  }

  test("a gray release is written as a form, seen as a picture and as YAML, confirmed, and taken to its end", async () => {
    await newRelease("2.0.0");
    await press(button("gray"));
    await page.getByLabel("Steps, percent of the users").fill("25, 50, 100");
    await page.getByLabel("Users are known by").fill("header x-user");
    await press(button("Condition"));
    await page.getByLabel("Its name").fill("x-tester");
    await page.getByLabel("Test", { exact: true }).selectOption("present");
    await page.locator(".stairs li").nth(3).waitFor();
    await page.locator(".batch-block", { hasText: "Users: shop 25 %" }).locator(".dots .hollow").nth(2).waitFor();
    await page.screenshot({ path: pictureFile("release-gray"), fullPage: true });
    await press(button("YAML"));
    const yaml = page.locator("pre.code");
    await yaml.getByText("header: x-tester").waitFor();
    expect(await yaml.textContent()).toMatch(/gray:\s+steps:\s+- 25/);
    await press(button("Picture"));
    await press(button("after the first batch"));
    await page.getByText("A person confirms before it begins").first().waitFor();
    await press(button("Start the release"));
    await page.waitForURL(/\/changes\/chg_/);
    await shows("awaiting-confirmation", "Awaiting confirmation");
    expect(await versions()).toEqual(["1.0.0", "1.0.0", "1.0.0", "2.0.0"]);
    await page.screenshot({ path: pictureFile("gray-waiting") });
    await act("Confirm");
    await page.locator('.tile[data-target="shop 25 %"][data-state="succeeded"]').waitFor();
    await shows("succeeded", "Succeeded");
    expect(await tiles("succeeded").count()).toBe(7);
    expect(await versions()).toEqual(["2.0.0", "2.0.0", "2.0.0", "2.0.0"]);
    expect(await rules()).toEqual([]);
    await page.screenshot({ path: pictureFile("gray-done") });
  });

  test("an A/B release is refused where all users would follow, started, and leaves two versions side by side", async () => {
    await newRelease("3.0.0");
    await press(button("A/B"));
    await page.locator(".batch-block", { hasText: "Users: shop 20 %" }).waitFor();
    await page.getByLabel("Users with the new version, percent").fill("100");
    await page.getByText("must end below 100").waitFor();
    expect(await button("Start the release").isDisabled()).toBe(true);
    await page.getByLabel("Users with the new version, percent").fill("30");
    await page.locator(".batch-block", { hasText: "Users: shop 30 %" }).waitFor();
    await press(button("Start the release"));
    await page.waitForURL(/\/changes\/chg_/);
    await shows("succeeded", "Succeeded");
    expect(await versions()).toEqual(["2.0.0", "2.0.0", "3.0.0", "3.0.0"]);
    expect((await rules()).map(({ send }) => send?.to.map(({ percent }) => percent))).toEqual([[30, 70]]);
    await page.goto(address("/w/local/changes"));
    const row = page.getByRole("row", { name: /shop: release 3\.0\.0/ });
    await row.getByText("3 of 3 targets").waitFor();
  });

  test("a blue-green release is planned, started, confirmed and watched, and one action brings users back", async () => {
    const { client } = platform;
    expect((await shop.release({ version: "5.0.0" })).state).toBe("succeeded");
    const { zones } = await client.getWorkspace({ params: { workspace: "local" } });
    for (const name of ["blue", "green"]) await client.createCell({ body: { workspace: "local", name, zones } });
    const hosts = [1, 2, 3, 4].map((number) => ({ host: `local-${number}`, cell: number < 3 ? "blue" : "green" }));
    const spec = { hosts, cells: [{ cell: "blue", weight: 100 }] };
    const first = await client.createChange({ body: { kind: ROUTE_CHANGE, spec, start: {} } });
    expect((await settled(platform, first)).state).toBe("succeeded");
    const inGreen = async () =>
      (await client.listCells({ query: { workspace: "local" } })).items.find(({ name }) => name === "green")?.weight;
    const version = "6.0.0";
    await shop.upload({ version });

    await page.goto(address(`/w/local/release?application=shop&version=${version}`));
    await press(button("blue-green"));
    await page.getByLabel("Steps, percent of the users").fill("50");
    await page.getByText("must end with 100").waitFor();
    await page.getByLabel("Steps, percent of the users").fill("50, 100");
    await page.getByLabel("Old cell is kept, seconds").fill("3600");
    await press(button("after the first batch"));
    await page.locator(".batch-block", { hasText: "keep blue" }).waitFor();
    await page.getByText("Users: green 100 %").waitFor();
    await page.screenshot({ path: pictureFile("release-blue-green") });
    await press(button("Start the release"));
    await page.waitForURL(/\/changes\/chg_/);
    await shows("awaiting-confirmation", "Awaiting confirmation");
    expect(await inGreen()).toBe(0);
    await act("Confirm");
    await page.locator('.tile[data-target="green 100 %"][data-state="succeeded"]').waitFor();
    await page.getByText(/^until \d\d:\d\d/).waitFor();
    await page.screenshot({ path: pictureFile("blue-green-kept") });
    expect(await inGreen()).toBe(100);
    await act("Roll back", "it was better before");
    await shows("rolled-back", "Rolled back");
    await page.locator(".batch-head").last().getByText("Ended early").waitFor();
    expect(await page.locator(".batch-head .bake").count()).toBe(0);
    expect(await inGreen()).toBe(0);
    expect((await shop.instances()).every(({ packageVersion }) => packageVersion === "5.0.0")).toBe(true);
  });

  test("what a cell is, is altered from its row, by a change whose plan says what becomes of it", async () => {
    await page.goto(address("/w/local/cells"));
    const blue = page.getByRole("row", { name: /^blue / });
    const away = blue.getByRole("button", { name: "Send away" });
    expect(await away.isDisabled()).toBe(true);
    const dialog = await ask(blue.getByRole("button", { name: "Edit" }));
    await dialog.getByLabel("Fail-over").selectOption("green");
    await dialog.getByText("fail-over of cell blue").waitFor();
    await page.screenshot({ path: pictureFile("cell-edit") });
    await dialog.getByRole("textbox", { name: "Zones" }).fill("a, z");
    await dialog.getByText("z is not a zone of workspace local").waitFor();
    await dialog.getByRole("textbox", { name: "Zones" }).fill("b, a");
    await press(dialog.getByRole("button", { name: "Alter the cell" }));
    await page.waitForURL(/\/changes\/chg_/);
    await shows("succeeded", "Succeeded");
    const width = async (of: string) => (await page.locator(of).boundingBox())?.width;
    // No service stands beside what moves traffic.
    expect(await width(".change-board")).toBe(await width(".change-summary"));
    await page.goto(address("/w/local/cells"));
    await blue.getByText("b, a").waitFor();
    expect(await away.isDisabled()).toBe(false);
  });

  test("keys and eyes begin at the top of the next page, a dialog gives the focus back, and filters follow the address", async () => {
    const focused = () => page.evaluate<string>("document.activeElement.id || document.activeElement.textContent");
    await page.goto(address("/packages?application=shop"));
    await page.getByRole("link", { name: "Packages" }).press("Enter");
    await page.waitForURL(address("/packages"));
    expect(await page.getByLabel("Application").inputValue()).toBe("");
    await page.goBack();
    await expect.poll(() => page.getByLabel("Application").inputValue()).toBe("shop");
    await page.getByRole("link", { name: "Windows" }).press("Enter");
    await page.getByRole("heading", { name: "Windows" }).waitFor();
    expect(await focused()).toBe("content");
    await press(button("New freeze"));
    await press(page.getByRole("dialog").getByRole("button", { name: "Cancel" }));
    await expect.poll(focused).toBe("New freeze");
  });

  test("who may only read is told at the button what it needs", async () => {
    const { secret } = await platform.client.createToken({ body: { as: "rita", may: ["*:read"] } });
    const rita = await openPage(browser);
    await rita.page.goto(address("/windows"));
    await logIn(rita.page, secret);
    const freeze = rita.page.getByRole("button", { name: "New freeze" });
    expect(await freeze.getAttribute("title")).toContain("window:update");
    await freeze.press("Enter");
    expect(await rita.page.getByRole("dialog").count()).toBe(0);
    await rita.page.goto(address("/w/local/cells"));
    const edit = rita.page.getByRole("button", { name: "Edit" }).first();
    expect(await edit.getAttribute("title")).toContain("route-change:create");
    await rita.page.goto(address("/w/local/release"));
    const start = rita.page.getByRole("button", { name: "Start the release" });
    expect(await start.getAttribute("title")).toContain("release-order:create");
    await rita.page.context().close();
  });

  test("who may not see services is not told that there are none", async () => {
    const { secret } = await platform.client.createToken({ body: { as: "walter", may: ["workspace:read"] } });
    const walter = await openPage(browser);
    await walter.page.goto(address("/w/local/topology"));
    await logIn(walter.page, secret);
    await walter.page.getByText("service:read").waitFor();
    expect(await walter.page.getByText("Nothing to draw yet").count()).toBe(0);
    await walter.page.context().close();
  });

  test.each(LOOKS)(
    "in %s and %s the pages of these releases are whole and can be used by everybody",
    async (language, theme) => {
      const { items } = await platform.client.listChanges({ query: {} });
      const idOf = (title: string) => items.find((change) => change.title.startsWith(title))?.id;
      const [gray, back] = [idOf("shop: release 2.0.0"), idOf("shop: release 6.0.0")];
      const pages = {
        ...{ "moved-changes": "/w/local/changes", "moved-rules": "/w/local/traffic-rules" },
        ...{ "gray-change": `/changes/${gray}`, "gray-plan": `/changes/${gray}?view=plan` },
        ...{ "blue-green-back": `/changes/${back}`, "blue-green-diagnosis": `/changes/${back}/diagnosis` },
      };
      const theirs = ["it was better before"];
      const which = { language, theme, address, token: platform.token, pages, axeSource: axe.source, theirs };
      expect(await lookAtPages(browser, which)).toEqual({ serious: [], english: [], errors: [] });
    },
  );

  test("no page has thrown, and the policy of the page has refused nothing", () => {
    expect(errors).toEqual([]);
  });
});
