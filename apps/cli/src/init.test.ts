import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseManifest } from "@evenkeel/client/node/manifest";
import { afterEach, beforeEach, expect, test } from "vitest";
import { manifestText } from "./init.ts";
import { type Bed, startBed } from "./test-bed.ts";

let bed: Bed;
beforeEach(async () => {
  bed = await startBed({});
});
afterEach(() => bed.close());

test("init reads from package.json how a Node application is called and started", async () => {
  mkdirSync(join(bed.folder, "shop"));
  const about = { name: "@acme/Web Shop", scripts: { start: "node --enable-source-maps main.js" } };
  writeFileSync(join(bed.folder, "shop/package.json"), JSON.stringify(about));
  expect((await bed.run(["init", "shop"])).code).toBe(0);
  const manifest = parseManifest(readFileSync(join(bed.folder, "shop/evenkeel.yaml"), "utf8"));
  expect(manifest).toMatchObject({
    ...{ application: "web-shop", buildpack: "node", start: "node --enable-source-maps main.js" },
    strategy: { beta: 1, batches: { by: "zone" }, budget: { failures: 0, action: "rollback" } },
  });
});

test("init never overwrites a manifest", async () => {
  writeFileSync(join(bed.folder, "evenkeel.yaml"), "application: mine\n");
  expect(await bed.run(["init"])).toMatchObject({ code: 1, stderr: expect.stringContaining("MANIFEST_EXISTS") });
  expect(readFileSync(join(bed.folder, "evenkeel.yaml"), "utf8")).toBe("application: mine\n");
});

test("what the manifest shows in comments is valid too, and says the defaults", () => {
  const text = manifestText({ application: "shop", buildpack: "process", start: "./run" });
  const shown = text
    .split("\n")
    .filter((each) => !each.startsWith("health: { tcp"))
    .map((each) => each.replace(/^# (?=[a-z]+: )/, ""))
    .join("\n");
  const { health: _, version: __, env: ___, ...all } = parseManifest(shown);
  const { health: ____, env: _____, ...short } = parseManifest(text);
  expect(all).toEqual({ ...short, service: "shop" });
});
