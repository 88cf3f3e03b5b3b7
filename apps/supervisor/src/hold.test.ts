import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readHolder, takeHold } from "./hold.ts";
import { type Home, openHome } from "./home.ts";

let home: Home;
beforeEach(async () => {
  home = await openHome(mkdtempSync(join(tmpdir(), "hold-")));
});
afterEach(() => rmSync(home.folder, { recursive: true, force: true }));

function holdElsewhere() {
  const script = `
    const { openHome } = await import(${JSON.stringify(new URL("./home.ts", import.meta.url).pathname)});
    const { takeHold } = await import(${JSON.stringify(new URL("./hold.ts", import.meta.url).pathname)});
    console.log((await takeHold(await openHome(process.argv[1]), "1.2.3")) === null ? "refused" : "held");
    setInterval(() => undefined, 1e6);
  `;
  const args = ["--input-type=module", "-e", script, home.folder];
  return spawn(process.execPath, args, { cwd: import.meta.dirname, stdio: ["ignore", "pipe", "inherit"] });
}

test("one supervisor holds a home; the second is told who, and gets it once the first was killed", async () => {
  const first = holdElsewhere();
  expect(String((await once(first.stdout, "data"))[0]).trim()).toBe("held");
  expect(await takeHold(home, "1.2.3")).toBeNull();
  expect(await readHolder(home)).toMatchObject({ identity: { pid: first.pid }, version: "1.2.3" });
  const exited = once(first, "exit");
  first.kill("SIGKILL");
  await exited;
  expect(await readHolder(home)).toBeNull();
  const hold = await takeHold(home, "1.2.3");
  expect(hold).not.toBeNull();
  await hold?.release();
});

test("of several that begin at the same time exactly one gets the home", async () => {
  const all = Array.from({ length: 4 }, holdElsewhere);
  const answers = await Promise.all(all.map(async (each) => String((await once(each.stdout, "data"))[0]).trim()));
  for (const each of all) each.kill("SIGKILL");
  expect(answers.toSorted()).toEqual(["held", "refused", "refused", "refused"]);
});
