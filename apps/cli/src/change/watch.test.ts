import { stripVTControlCharacters } from "node:util";
import { sampleBatch, sampleChange, sampleTarget } from "@evenkeel/client/text/sample-change";
import { afterEach, expect, test } from "vitest";
import { type Bed, pictures, startBed, value } from "../test-bed.ts";

let bed: Bed;
afterEach(() => bed.close());

test.each<Record<string, string>>([{}, { NO_COLOR: "1" }])(
  "on a terminal a change is a picture that moves: progress, hosts with their steps, verbs at the foot (%j)",
  async (env) => {
    const targets = {
      total: 2,
      succeeded: 1,
      failed: 0,
      running: 1,
      pending: 0,
      skipped: 0,
      offline: 0,
      unknown: 0,
    };
    const batch = sampleBatch("zone a", "running", [sampleTarget("h1", "succeeded"), sampleTarget("h2", "running")]);
    const change = sampleChange("running", [batch], { allowedActions: ["pause", "cancel"], targets });
    let seen = false;
    bed = await startBed({
      [`GET /changes/${change.id}`]: () => value(change),
      [`GET /changes/${change.id}/tree/events`]: () => pictures(seen ? { ...change, state: "succeeded" } : change),
    });
    const heard = (stdout: string) => {
      seen ||= stdout.includes("1 of 2 hosts");
    };
    const terminal = { isTTY: true, columns: 100, rows: 20 };
    const { code, stdout } = await bed.run(["change", "watch", change.id], env, { heard, terminal });
    expect(code).toBe(0);
    const text = stripVTControlCharacters(stdout);
    expect(text).toMatch(/━+─* 50 % {2}1 of 2 hosts/);
    expect(text).toMatch(/h2 +a {2}1\.0\.0 → 2\.0\.0/);
    expect(text).toContain(`evenkeel change pause | cancel ${change.id.slice(-8)} · Ctrl-C leaves it running`);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is looked for
    expect(/\x1b\[3\dm/.test(stdout)).toBe(env.NO_COLOR === undefined);
  },
);
