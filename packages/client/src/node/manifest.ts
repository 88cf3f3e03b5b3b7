import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { PlatformError } from "@evenkeel/contracts/error";
import { Manifest } from "@evenkeel/contracts/service";
import { type Document, isMap, isNode, isScalar, LineCounter, parseDocument } from "yaml";
import type { z } from "zod";

/** The name of the manifest's file. */
export const MANIFEST_FILE = "evenkeel.yaml";

/** Reads and checks the manifest of a folder. */
export async function readManifest(folder: string): Promise<Manifest> {
  const text = await readFile(join(folder, MANIFEST_FILE), "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT" || error.code === "ENOTDIR") throw new PlatformError("MANIFEST_MISSING", { folder });
    throw new PlatformError("FILE_UNUSABLE", { path: join(folder, MANIFEST_FILE), reason: error.message });
  });
  return parseManifest(text);
}

/** Checks the text of a manifest; what is wrong is named by line and field. */
export function parseManifest(text: string): Manifest {
  return parseYaml(text, Manifest, (facts) => new PlatformError("MANIFEST_INVALID", facts));
}

/** What is wrong with a file: in words, with the first line and field. */
export interface WrongFile {
  readonly [name: string]: unknown;
  readonly problem: string;
}

/** Checks YAML by a schema; what is wrong is named by line and field. */
export function parseYaml<Value>(
  text: string,
  schema: z.ZodType<Value>,
  refusal: (facts: WrongFile) => PlatformError,
): Value {
  const invalid = (...wrongs: Wrong[]) => refusal(tell(wrongs));
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const broken = document.errors[0];
  if (broken !== undefined) {
    const line = lines.linePos(broken.pos[0]).line;
    const said = broken.message.split("\n")[0]?.replace(/ at line \d+, column \d+:?$/, "");
    throw invalid({ line, field: null, said: said ?? "" });
  }
  const parsed = schema.safeParse(document.toJS() ?? {});
  if (parsed.success) return parsed.data;
  const found = parsed.error.issues.flatMap((issue) => unquoted(issue, document) ?? explain(issue, document.toJS()));
  const located = found.map((each) => ({ ...each, line: lineOf(document, lines, each.path) }));
  throw invalid(...located.sort((a, b) => a.line - b.line));
}

interface Wrong {
  readonly line: number;
  readonly field: string | null;
  readonly said: string;
}

function tell(wrongs: readonly Wrong[]): WrongFile {
  const problem = wrongs
    .map(({ line, field, said }) => `line ${line}${field === null || field === "" ? "" : `, ${field}`}: ${said}`)
    .join("; ");
  return { problem, line: wrongs[0]?.line, field: wrongs[0]?.field };
}

type Issue = z.core.$ZodIssue;
interface Located {
  readonly path: PropertyKey[];
  readonly field: string;
  readonly said: string;
}

/** What a field with several shapes may be, in the words of the guide. */
const SHAPES: Record<string, string> = {
  health: "{ path: /healthz } or { tcp: true }",
  hosts: "all, a number, a list of names, or { zones: [a] }",
  port: "auto, or a number from 1 to 65535",
  "strategy.guards.kind": "error-rate, latency, restarts, memory, health or http",
  "strategy.guards.at": "each, first, last or { nth: 2 }",
  "strategy.beta": "a number, or a list of host names",
  "strategy.order": "{ zones: [b, a] }, { cells: [blue] }, { hosts: [local-2] } or { label: rack }",
  "strategy.confirm": 'none, first, each, or a list of batches such as [2, "zone b"]',
  "strategy.batches": "each, all, { count: 3 }, { size: 2 }, { percent: 25 } or { by: zone }",
  "strategy.budget.failures": 'a number, or a percentage from "0%" to "100%"',
};

/** Members of a list have the shape of their list's name; a release in the file of an order has the fields of a manifest. */
const shapeAt = (path: readonly PropertyKey[]) =>
  SHAPES[path.filter((part) => typeof part !== "number" && part !== "releases").join(".")];

function explain(issue: Issue, value: unknown): Located[] {
  const field = issue.path.join(".");
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => {
      const path = [...issue.path, key];
      return { path, field: path.join("."), said: "there is no such field" };
    });
  }
  if (issue.code === "invalid_union") return explainUnion(issue, value);
  const missing = at(value, issue.path) === undefined;
  return [{ path: issue.path, field, said: missing ? "is missing" : lowerFirst(issue.message) }];
}

/** YAML reads 2 and 1.10 as numbers and yes as a truth, where a text was meant. */
function unquoted(issue: Issue, document: Document): Located[] | null {
  if (issue.code !== "invalid_type" || issue.expected !== "string") return null;
  const node = document.getIn(issue.path, true);
  if (!isScalar(node) || node.source === undefined || node.value === null) return null;
  const field = issue.path.join(".");
  const name = String(issue.path.at(-1));
  return [{ path: issue.path, field, said: `is a ${typeof node.value} to YAML; quote it: ${name}: "${node.source}"` }];
}

/** Of a field with several shapes, the complaint about the shape that was most likely meant. */
function explainUnion(issue: Extract<Issue, { code: "invalid_union" }>, value: unknown): Located[] {
  const field = issue.path.join(".");
  const shape = shapeAt(issue.path);
  const shapes = { path: issue.path, field, said: `must be ${shape ?? "one of the allowed shapes"}` };
  const given = at(value, issue.path);
  if (typeof given !== "object" || given === null || Array.isArray(given)) return [shapes];
  const likely = issue.errors
    .filter((branch) => branch.every((inner) => inner.path.length > 0 || inner.code === "unrecognized_keys"))
    .sort((a, b) => weight(a) - weight(b))[0];
  if (likely === undefined) return [shapes];
  const inner = likely.flatMap((each) => explain({ ...each, path: [...issue.path, ...each.path] } as Issue, value));
  return shape === undefined ? inner : inner.map((each) => ({ ...each, said: `${each.said} (${shapes.said})` }));
}

/** How far a value is from a shape: each missing, wrong or foreign field counts. */
function weight(branch: readonly Issue[]): number {
  return branch.reduce((sum, issue) => sum + (issue.code === "unrecognized_keys" ? issue.keys.length : 1), 0);
}

function at(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((inner, key) => (inner as Record<PropertyKey, unknown> | undefined)?.[key], value);
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

/** The line of a field's key, or of the nearest field around it. */
function lineOf(document: Document, lines: LineCounter, path: readonly PropertyKey[]): number {
  for (let length = path.length; length > 0; length -= 1) {
    const holder = length === 1 ? document.contents : document.getIn(path.slice(0, length - 1), true);
    const key = path[length - 1];
    const pair = isMap(holder) ? holder.items.find((item) => isScalar(item.key) && item.key.value === key) : undefined;
    const node = pair?.key ?? document.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range) return lines.linePos(node.range[0]).line;
  }
  return 1;
}
