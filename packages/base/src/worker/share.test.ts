import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { answering, BaseBed } from "../testing.ts";
import { mayRaise } from "./priority.ts";

test("a process may raise a priority that it has lowered with CAP_SYS_NICE alone", () => {
  expect(mayRaise("Name:\tnode\nCapEff:\t000001ffffffffff\n")).toBe(true);
  expect(mayRaise("CapEff:\t0000000000800000\n")).toBe(true);
  expect(mayRaise("CapEff:\t0000000000000400\n")).toBe(false);
  expect(mayRaise("")).toBe(false);
});

/** How many threads of this process have the lowest priority: field 19 of their `stat`. */
const behind = (): number =>
  readdirSync("/proc/self/task").filter((id) => {
    const stat = readFileSync(`/proc/self/task/${id}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[16] === "19";
  }).length;

const mayTry = process.platform === "linux" && mayRaise(readFileSync("/proc/self/status", "utf8"));

test.skipIf(!mayTry)(
  "a thread over its share steps behind all others, and comes forward when it has done",
  async () => {
    await using bed = await BaseBed.open();
    const text = `exports.activate = () => ({ routes: (request, response) => {
    const until = Date.now() + 2500; while (Date.now() < until); response.end("done"); } });`;
    const limits = {
      cpuPercent: { most: 50, action: "throttle" as const },
      blockMs: { most: 60_000, action: "alarm" as const },
    };
    const provides = { routes: [{ path: "/busy" }] };
    await bed.install({ name: "busy", version: "1.0.0", isolation: "worker", limits, provides }, text);
    await bed.install({ name: "calm", version: "1.0.0", provides: { routes: [{ path: "/calm" }] } }, answering("calm"));
    const poll = { timeout: 20_000, interval: 50 };
    // The one that is kept ready.
    await expect.poll(behind, poll).toBe(1);
    const answer = bed.get("/busy");
    await expect.poll(behind, poll).toBe(2);
    expect((await bed.get("/calm")).body).toBe("calm");
    await answer;
    await expect.poll(behind, poll).toBe(1);
  },
  60_000,
);
