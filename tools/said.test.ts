import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { isSource, projectFiles } from "./project-files.ts";
import { isKnown, saidIn } from "./said.ts";

const ROOT = join(import.meta.dirname, "..");
/** What a person may be told of in a page. */
const TOLD = /^(apps\/(control-plane|agent)|packages\/(contracts|kit|agent-core))\/src\//;
const NOT_TOLD = [
  ...[/\.test\.ts$/, /testing/, /\/cause\//, /-catalogue\//],
  // What a process says when it is started or joined goes to its log.
  ...[/\/(config|ground|main|join|wire|built-in|upgrade|socket-handover|sqlite-journal)\.ts$/],
];
/** Words of the manifest, and a template whose every result is a phrase. */
const NO_SENTENCES = ["cap §", "maxCellPercent §", "name §"];
const FEWEST_TEXTS = 150;

const texts = projectFiles(ROOT)
  .filter((path) => isSource(path) && TOLD.test(path) && !NOT_TOLD.some((each) => each.test(path)))
  .flatMap((path) => saidIn(path, readFileSync(join(ROOT, path), "utf8")).map((said) => ({ path, ...said })));

test("whatever people are told of a problem stands in the catalogue of phrases, so that it can be told in another language", () => {
  const unknown = texts
    .filter(({ text }) => !isKnown(text) && !NO_SENTENCES.includes(text))
    .map(({ path, line, text }) => `${path}:${line} ${text}`);
  expect(unknown).toEqual([]);
  expect(texts.length).toBeGreaterThan(FEWEST_TEXTS);
});

test("a text is found where a person is told it, and what is said by its code is not asked again", () => {
  const source = `
    refuse("X", { problem: \`\${host} is no host of ours\`, other: say("why.more", { count: 2 }) });
    const why = late ? "it came late" : null;
    function problemOf() { return "there is nothing"; }
    z.string().regex(/a/, "must be a letter");
    log.warn("a message of the log");`;
  expect(saidIn("a.ts", source).map(({ text }) => text)).toEqual([
    "§ is no host of ours",
    "it came late",
    "there is nothing",
    "must be a letter",
  ]);
  expect(isKnown("there is no cell §")).toBe(true);
  expect(isKnown("beta: § is no host of this change")).toBe(true);
  expect(isKnown("§ is no host of ours")).toBe(false);
});
