import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseManifest } from "@evenkeel/client/node/manifest";
import { parseOrderFile } from "@evenkeel/client/node/order-file";
import { parseSplitFile } from "@evenkeel/client/node/split-file";
import { parseTemplateFile } from "@evenkeel/client/node/template-file";
import { parseTrafficFile } from "@evenkeel/client/node/traffic-file";
import { Guard } from "@evenkeel/contracts/guard";
import { Manifest } from "@evenkeel/contracts/service";
import { RouteChangeSpec, SetTrafficRule, TrafficPolicy } from "@evenkeel/contracts/traffic-rule";
import { expect, test } from "vitest";
import { z } from "zod";
import { readGuide, withErrorCodes } from "./print-error-codes.ts";

const ROOT = join(import.meta.dirname, "..");
const GUIDE = join(ROOT, "docs/guide");
const inFolder = (folder: string) => readdirSync(join(ROOT, folder)).map((name) => `${folder}/${name}`);
const all = ["README.md", "examples/README.md", ...inFolder("docs/guide"), ...inFolder("docs/adr")];

test("the guide has every error code with its text; if not: node tools/print-error-codes.ts", () => {
  expect(readGuide()).toBe(withErrorCodes(readGuide()));
});

interface Schema {
  readonly properties?: Record<string, Schema>;
  readonly anyOf?: readonly Schema[];
  readonly items?: Schema;
}

/** Every field of a schema by its dotted path; those of a list without its index. */
function fieldsOf(schema: Schema, prefix = ""): string[] {
  const own = Object.entries(schema.properties ?? {}).flatMap(([name, inner]) => [
    `${prefix}${name}`,
    ...fieldsOf(inner, `${prefix}${name}.`),
  ]);
  const others = [...(schema.anyOf ?? []), ...(schema.items === undefined ? [] : [schema.items])];
  return [...own, ...others.flatMap((each) => fieldsOf(each, prefix))];
}

/** Shapes of one field that the page tells in that field's own line. */
const TOLD_IN_ONE_LINE = /^(hosts|strategy\.batches|strategy\.order|gray\.key|gray\.match|blueGreen\.trial\.match)\./;

test("the page of guards tells each field of each guard, and its example is one", () => {
  const page = readFileSync(join(GUIDE, "guards.md"), "utf8");
  for (const guard of Guard.options) {
    expect(page).toContain(`\`${guard.shape.kind.value}\``);
    for (const field of Object.keys(guard.shape)) expect(page, field).toMatch(new RegExp(`\\b${field}\\b`));
  }
  const [yaml = ""] = /(?<=^```yaml\n)strategy:.*?(?=^```)/ms.exec(page) ?? [];
  const { strategy } = parseManifest(`application: shop\n${yaml}`);
  expect(strategy.guards.map(({ kind }) => kind)).toEqual(Guard.options.map(({ shape }) => shape.kind.value));
});

test("the page of traffic tells each field of a rule, a policy and a condition, and its example is a change", () => {
  const page = readFileSync(join(GUIDE, "traffic.md"), "utf8");
  const fields = [SetTrafficRule, TrafficPolicy, RouteChangeSpec].flatMap(({ shape }) => Object.keys(shape));
  const tests = ["exact", "in", "prefix", "regex", "percent", "present", "not", "header", "cookie", "query"];
  const known = [...fields, ...tests].filter((field) => !["workspace", "reason"].includes(field));
  for (const field of known) expect(page, field).toMatch(new RegExp(`\\b${field}\\b`));
});

test("the page of the manifest has a line for each field of the schema, and no other", () => {
  const page = readFileSync(join(GUIDE, "manifest.md"), "utf8");
  const told = [...page.matchAll(/^\| `([\w.]+)` \|/gm)].map(([, field]) => field ?? "");
  const fields = fieldsOf(z.toJSONSchema(Manifest, { io: "input" }) as Schema);
  expect(told.sort()).toEqual([...new Set(fields)].filter((field) => !TOLD_IN_ONE_LINE.test(field)).sort());
});

/** The file of an order or of a template, a manifest, or a part of one. */
function parseExample(text: string): unknown {
  if (/^actions:/m.test(text)) return parseTemplateFile(text, "template.yaml");
  if (/^(rules|businesses):/m.test(text)) return parseSplitFile(text, "rules.yaml");
  if (/^put:/m.test(text)) return parseTrafficFile(text, "traffic.yaml");
  if (/^releases:/m.test(text)) return parseOrderFile(text, "order.yaml");
  return parseManifest(text.startsWith("strategy") ? `application: x\n${text}` : text);
}

test.each(all)("every manifest that %s shows is valid", (page) => {
  const blocks = [...readFileSync(join(ROOT, page), "utf8").matchAll(/```yaml\n([\s\S]*?)```/g)].map(
    ([, text]) => text ?? "",
  );
  for (const text of blocks) expect(() => parseExample(text)).not.toThrow();
});

test.each(all)("every link of %s leads somewhere", (page) => {
  const links = [...readFileSync(join(ROOT, page), "utf8").matchAll(/\]\((?!https?:)([^)#]+)/g)].map(
    ([, to]) => to ?? "",
  );
  expect(links.filter((to) => !existsSync(join(ROOT, dirname(page), to)))).toEqual([]);
});
