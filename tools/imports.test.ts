import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { cruiseFolder } from "./imports.ts";

const folders: string[] = [];

function project(files: Record<string, string>): string {
  const folder = mkdtempSync(join(tmpdir(), "evenkeel-imports-"));
  folders.push(folder);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(folder, path, ".."), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  return folder;
}

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

test("imports that go the right way pass, and each rule says how many modules it looked at", async () => {
  const folder = project({
    "packages/contracts/src/id.ts": "export const id = 1;\n",
    "packages/kit/src/a.ts": 'import { id } from "../../contracts/src/id.ts";\nexport const a = id;\n',
    "apps/control-plane/src/host/plan.ts":
      'import type { Row } from "./store.ts";\nexport const plan = (row: Row) => row;\n',
    "apps/control-plane/src/host/store.ts": "export interface Row { id: string }\n",
  });
  const { checked, violations } = await cruiseFolder(folder, ["packages", "apps"]);
  expect(violations).toEqual([]);
  expect(checked.get("no-cycle")).toBe(4);
  expect(checked.get("pure-files-stay-pure")).toBe(1);
});

test("a planner that loads its store is named, with the file it loads", async () => {
  const folder = project({
    "apps/control-plane/src/host/plan.ts": 'import { row } from "./store.ts";\nexport const plan = row;\n',
    "apps/control-plane/src/host/store.ts": "export const row = 1;\n",
  });
  const { violations } = await cruiseFolder(folder, ["apps"]);
  expect(violations).toMatchObject([
    {
      rule: "pure-files-stay-pure",
      from: "apps/control-plane/src/host/plan.ts",
      to: "apps/control-plane/src/host/store.ts",
    },
  ]);
});

test("a planner may use other files of its slice, but not one that loads the file system", async () => {
  const folder = project({
    "apps/control-plane/src/host/plan.ts": 'import { slot } from "./slot.ts";\nexport const plan = slot;\n',
    "apps/control-plane/src/host/slot.ts": 'import { node } from "./node.ts";\nexport const slot = node;\n',
    "apps/control-plane/src/host/node.ts": 'import { statSync } from "node:fs";\nexport const node = statSync;\n',
    "apps/control-plane/src/route/plan.ts": 'import { weight } from "./weight.ts";\nexport const plan = weight;\n',
    "apps/control-plane/src/route/weight.ts": "export const weight = 1;\n",
  });
  const { violations } = await cruiseFolder(folder, ["apps"]);
  expect(violations).toMatchObject([{ from: "apps/control-plane/src/host/plan.ts", to: "fs" }]);
});
