import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Browser, chromium, type Page } from "playwright-core";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const CHROMIUM = "/usr/bin/chromium";
const QUIET = [
  ...["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"],
  ...["--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage"],
];
/** On a machine that is ten times slower a page takes its time. */
const PATIENCE_MS = 60_000;

/** Whether there is a browser: the test script installs it where it may. */
export const hasBrowser = existsSync(CHROMIUM);

/** Builds the console unless it was built from these sources; platforms that start afterwards serve it. */
export function buildConsole(): void {
  const script = 'import("./tools/console.mjs").then(({ ensureConsole }) => ensureConsole(process.execPath))';
  const { status, stderr } = spawnSync(process.execPath, ["-e", script], { cwd: ROOT, encoding: "utf8" });
  if (status !== 0) throw new Error(`the console was not built:\n${stderr}`);
}

/** Starts a browser. */
export async function openBrowser(): Promise<Browser> {
  return await chromium.launch({ executablePath: CHROMIUM, args: QUIET });
}

export interface PageOptions {
  readonly language?: "en" | "zh";
  readonly theme?: "light" | "dark";
}

/** A page of a person of his own: nothing of another's cookies, and patience. Errors on it are kept. */
export async function openPage(
  browser: Browser,
  { language = "en", theme = "light" }: PageOptions = {},
): Promise<{ readonly page: Page; readonly errors: string[] }> {
  const context = await browser.newContext({
    viewport: { width: 1440, height: 900 },
    locale: language === "en" ? "en-GB" : "zh-CN",
    colorScheme: theme,
    timezoneId: "Asia/Shanghai",
  });
  context.setDefaultTimeout(PATIENCE_MS);
  const page = await context.newPage();
  const errors: string[] = [];
  page.on("pageerror", (error) => errors.push(error.message));
  // A refused request is an answer; what the policy of the page refuses is a fault of ours.
  page.on("console", (message) => {
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource"))
      errors.push(message.text());
  });
  return { page, errors };
}

/** The link that a start has printed, by which a browser is logged in once. */
export const loginLink = (printed: string): string => /https?:\S+\/login#link=\S+/.exec(printed)?.[0] ?? "";

/** Logs in where the page asks who one is. */
export async function logIn(page: Page, token: string): Promise<void> {
  await page.locator('input[type="password"]').fill(token);
  await page.keyboard.press("Enter");
}

/** Where pictures of pages go: for people to look at, never committed. */
export function pictureFile(name: string): string {
  const folder = join(ROOT, ".runtime/pictures");
  mkdirSync(folder, { recursive: true });
  return join(folder, `${name}.png`);
}

/** Where the picture of a test that failed goes. */
export const failureFile = (test: string): string => pictureFile(`failed-${test.replaceAll(/\W+/g, "-").slice(0, 60)}`);

/** What keeps people from using a page, of the two grave sorts; `axeSource` is the script of axe-core. */
async function seriousIn(page: Page, axeSource: string): Promise<string[]> {
  // By the debugger's own way: the policy of the page lets no other script in.
  await page.evaluate(axeSource);
  return await page.evaluate(async () => {
    const { axe } = globalThis as unknown as { axe: { run(): Promise<{ violations: Violation[] }> } };
    interface Violation {
      readonly id: string;
      readonly impact: string;
      readonly nodes: readonly { readonly html: string }[];
    }
    const { violations } = await axe.run();
    const grave = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
    return grave.flatMap(({ id, nodes }) => nodes.slice(0, 3).map(({ html }) => `${id}: ${html.slice(0, 160)}`));
  });
}

/** Every text of a page and what is read aloud for it, but what stands as it is. In the words of the browser, whose types are not here. */
const TEXTS_OF_PAGE = `(() => {
  const asTheyAre = "code, pre, textarea, script, style, .mono, [role=log]";
  const told = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walk.nextNode(); node !== null; node = walk.nextNode())
    if (node.parentElement.closest(asTheyAre) === null) told.push(node.textContent);
  for (const element of document.querySelectorAll("[title], [aria-label], [placeholder]"))
    if (element.closest(asTheyAre) === null)
      for (const name of ["title", "aria-label", "placeholder"]) told.push(element.getAttribute(name) ?? "");
  return told;
})()`;

/**
 * What stands in English on a page that is in Chinese: two English words in a row, in texts and in what is read aloud. Code, logs, and what
 * people and programs have said, stand as they are.
 */
async function englishIn(page: Page, theirs: readonly string[]): Promise<string[]> {
  const texts = await page.evaluate<string[]>(TEXTS_OF_PAGE);
  const known = (text: string) => theirs.reduce((rest, word) => rest.replaceAll(word, ""), text);
  return [...new Set(texts)].filter((text) => /(?<![\w/@.-])[a-z]{2,} [a-z]{2,}(?![\w/@-])/i.test(known(text)));
}

/** Every look that a page has. */
export const LOOKS = [
  ["en", "light"],
  ["zh", "dark"],
  ["zh", "light"],
  ["en", "dark"],
] as const;

export interface Looking extends Required<PageOptions> {
  readonly address: (path: string) => string;
  readonly token: string;
  /** Paths by the name of their picture. */
  readonly pages: Readonly<Record<string, string>>;
  readonly axeSource: string;
  /** What people and programs of the test have said in English. */
  readonly theirs?: readonly string[];
}

/** Logs in, waits until each page is whole, and takes a picture of it; what keeps people from using it, what is not in its language, and errors on it. */
export async function lookAtPages(
  browser: Browser,
  { language, theme, address, token, pages, axeSource, theirs = [] }: Looking,
): Promise<{ readonly serious: string[]; readonly english: string[]; readonly errors: string[] }> {
  const { page, errors } = await openPage(browser, { language, theme });
  await page.goto(address("/login"));
  await logIn(page, token);
  await page.locator(".shell").waitFor();
  const serious: string[] = [];
  const english: string[] = [];
  for (const [name, path] of Object.entries(pages)) {
    await page.goto(address(path));
    await page.locator("h1").waitFor();
    await page.locator('[aria-busy="true"], .skeleton').first().waitFor({ state: "detached" });
    await page.screenshot({ path: pictureFile(`${name}-${language}-${theme}`) });
    serious.push(...(await seriousIn(page, axeSource)).map((fault) => `${name}: ${fault}`));
    if (language === "zh") english.push(...(await englishIn(page, theirs)).map((text) => `${name}: ${text}`));
  }
  await page.context().close();
  return { serious, english, errors };
}
