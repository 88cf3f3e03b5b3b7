import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { shortId } from "@evenkeel/client/text/change";
import { brokenTarget, sampleBatch, sampleChange, sampleTarget } from "@evenkeel/client/text/sample-change";
import type { Change } from "@evenkeel/contracts/change";
import { textWidth } from "@evenkeel/contracts/text-width";
import headless from "@xterm/headless";
import { afterEach, expect, test } from "vitest";
import { type Answer, type Bed, pictures, problem, startBed, value } from "../test-bed.ts";

// The command itself on a terminal of the kernel, and what a terminal shows of what it writes.

const MAIN = fileURLToPath(new URL("../main.ts", import.meta.url));
const HOSTS = 120;
const IN_A_BATCH = 10;
const LEAVES = "Ctrl-C leaves it running";
/** A machine may be ten times slower than usual, and each of these starts the command and a terminal. */
const LIMIT = { timeout: 180_000 };

let bed: Bed;
const sittings: Sitting[] = [];
afterEach(async () => {
  for (const each of sittings.splice(0)) await each.leave();
  await bed.close();
});

const nameOf = (index: number) =>
  index % 3 === 0 ? `支付服务器-华东-${index}` : `ip-10-24-0-${index}.eu-central-1.compute.internal`;

/** A release of a hundred and twenty hosts of which so many are done, the others of their batch are under way. */
function release(done: number, more: Partial<Change> = {}, broken = -1): Change {
  const batches = Array.from({ length: HOSTS / IN_A_BATCH }, (_, batch) => {
    const first = batch * IN_A_BATCH;
    const state = done >= first + IN_A_BATCH ? "succeeded" : done < first ? "pending" : "running";
    const targets = Array.from({ length: IN_A_BATCH }, (_, place) => {
      const index = first + place;
      if (index === broken) return { ...brokenTarget(nameOf(index)), targetId: `t${index}` };
      const stands = index < done ? "succeeded" : state === "running" ? "running" : "pending";
      return sampleTarget(nameOf(index), stands, { targetId: `t${index}` });
    });
    return sampleBatch(`华东 ${batch}`, broken >= first && state === "running" ? "failed" : state, targets);
  });
  const failed = broken < 0 ? 0 : 1;
  const counts = { skipped: 0, offline: 0, unknown: 0, running: 0, pending: HOSTS - done - failed };
  return sampleChange("running", batches, {
    ...{ title: "支付: release 2.0.0", targets: { total: HOSTS, succeeded: done, failed, ...counts } },
    ...{ sequence: done + failed, allowedActions: ["pause", "cancel"], ...more },
  });
}

class Sitting {
  readonly #child: ChildProcess;
  readonly #terminal: headless.Terminal;
  #device = "";
  written = "";
  #drawn: () => void = () => undefined;

  /** Before a terminal of this size; `command` is for its shell. */
  constructor(
    command: string,
    { columns, rows, term = "xterm-256color" }: { columns: number; rows: number; term?: string },
  ) {
    this.#terminal = new headless.Terminal({ cols: columns, rows, scrollback: 500, allowProposedApi: true });
    const inside = `stty cols ${columns} rows ${rows}; echo "on $(tty) here"; ${command}`;
    const { PATH = "" } = process.env;
    const env = { PATH, TERM: term, LANG: "C.UTF-8", SHELL: "/bin/sh", EVENKEEL_COMMAND: "evenkeel" };
    this.#child = spawn("script", ["-qefc", inside, "/dev/null"], {
      env: { ...env, EVENKEEL_HOME: bed.home, XDG_CONFIG_HOME: `${bed.folder}/config`, HOME: bed.folder },
      stdio: ["pipe", "pipe", "inherit"],
    });
    this.#child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      this.written += text;
      this.#device ||= /on (\/\S+) here/.exec(this.written)?.[1] ?? "";
      this.#terminal.write(text, () => this.#drawn());
    });
    sittings.push(this);
  }

  /** What can be seen, and with `all` what has scrolled away too. */
  lines(all = false): string[] {
    const { active } = this.#terminal.buffer;
    const from = all ? 0 : active.baseY;
    return Array.from(
      { length: active.length - from },
      (_, at) => active.getLine(from + at)?.translateToString(true) ?? "",
    );
  }

  text = (): string => this.lines().join("\n");

  /** Once it is so on the screen. */
  async until(isSo: (text: string) => boolean): Promise<void> {
    while (!isSo(this.text())) await new Promise<void>((resolve) => (this.#drawn = resolve));
  }

  type(keys: string): void {
    this.#child.stdin?.write(keys);
  }

  resize(columns: number, rows: number): void {
    this.#terminal.resize(columns, rows);
    execFileSync("stty", ["-F", this.#device, "cols", String(columns), "rows", String(rows)]);
  }

  async leave(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const left = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await left;
  }
}

const watching = (id: string) =>
  `${process.execPath} ${MAIN} change watch ${id}; echo "code $?"; stty -a | grep -ow -- "-\\?echo"`;
const heads = (lines: readonly string[]) => lines.filter((each) => each.includes("release 2.0.0"));

async function serve(now: () => Change, isAway = () => false): Promise<void> {
  const { id } = now();
  const unless = (answer: (change: Change) => Answer) => () =>
    isAway() ? problem("UNAVAILABLE", { what: "The database" }) : answer(now());
  bed = await startBed({
    [`GET /changes/${id}`]: unless(value),
    [`GET /changes/${id}/tree/events`]: unless(pictures),
  });
}

test(
  "a release of a hundred hosts stays one picture that fits: through keys, a narrower window, a wider one, and Ctrl-C",
  LIMIT,
  async () => {
    let change = release(13);
    const { id } = change;
    await serve(() => change);
    const seen = (done: number) => (text: string) => text.includes(` ${done} of 120 hosts`) && text.includes(LEAVES);
    const on = async (sitting: Sitting, done: number) => {
      change = release(done, { id });
      await sitting.until(seen(done));
    };
    const sitting = new Sitting(watching(id), { columns: 80, rows: 24 });
    await sitting.until(seen(13));
    expect(heads(sitting.lines(true))).toEqual([
      expect.stringMatching(/^. 支付: release 2\.0\.0 \w{8} {2}running {2}/),
    ]);
    expect(sitting.text()).toMatch(/⠋|⠙|⠹|⠸|⠼|⠴|⠦|⠧|⠇|⠏/);
    expect(sitting.text()).toContain("支付服务器-华东-15");

    sitting.type("\r\rx\r");
    await on(sitting, 14);
    expect(heads(sitting.lines(true))).toHaveLength(1);

    sitting.resize(50, 20);
    await on(sitting, 15);
    // A picture for this window has taken the place of the broken one: what did not fit beside the verbs stands below them.
    await sitting.until((text) => text.includes(`\n  ${LEAVES}`));
    expect(heads(sitting.lines())).toHaveLength(1);
    expect(sitting.lines()).toHaveLength(20);
    expect(Math.max(...sitting.lines().map(textWidth))).toBeLessThan(50);

    sitting.resize(120, 40);
    await on(sitting, 26);
    expect(sitting.text()).toContain(`evenkeel change pause | cancel ${shortId(id)} · ${LEAVES}`);
    expect(sitting.text()).toMatch(/ip-10-24-0-28\.eu-central-1\.compute\.internal +a {2}1\.0\.0 → 2\.0\.0/);

    sitting.type("\x03");
    await sitting.until((text) => /code \d+\n-?echo/.test(text));
    expect(sitting.text()).toContain("26 of 120 hosts");
    expect(sitting.text()).toContain("The change goes on without you.\n  evenkeel change watch");
    expect(sitting.text()).toMatch(/code 130\necho$/m);
    expect(sitting.text()).not.toContain(LEAVES);
    expect(sitting.written.lastIndexOf("\x1b[?25h")).toBeGreaterThan(sitting.written.lastIndexOf("\x1b[?25l"));
  },
);

test(
  "of a large release that fails the end is all in sight: how far it came, the host with its cause, what may be done",
  LIMIT,
  async () => {
    let change = release(23);
    await serve(() => change);
    const sitting = new Sitting(watching(change.id), { columns: 100, rows: 30 });
    await sitting.until((text) => text.includes("23 of 120 hosts"));
    change = release(23, { id: change.id, state: "failed", allowedActions: ["retry", "rollback"] }, 25);
    await sitting.until((text) => text.includes("code "));
    const text = sitting.text();
    expect(heads(sitting.lines())).toEqual([expect.stringContaining("failed")]);
    for (const told of [
      "2 batches done",
      "✖ ip-10-24-0-25",
      "GET /healthz answered 500",
      "evenkeel change retry",
      "code 1",
    ])
      expect(text).toContain(told);
  },
);

test("that nobody answers is told below the picture, and is gone when somebody does", LIMIT, async () => {
  let change = release(50);
  let away = false;
  await serve(
    () => change,
    () => away,
  );
  const sitting = new Sitting(watching(change.id), { columns: 50, rows: 20 });
  await sitting.until((text) => text.includes("50 of 120 hosts"));
  away = true;
  await sitting.until((text) => /⚠ no control plane for \d+(\.\d)? s; the change goes on$/m.test(text));
  expect(heads(sitting.lines())).toHaveLength(1);
  change = release(60, { id: change.id });
  away = false;
  await sitting.until((text) => text.includes("60 of 120 hosts") && !text.includes("no control plane"));
});

test("a terminal that cannot move its cursor is told line by line", LIMIT, async () => {
  let change = release(HOSTS - 1);
  await serve(() => change);
  const sitting = new Sitting(watching(change.id), { columns: 80, rows: 24, term: "dumb" });
  await sitting.until((text) => text.includes("running"));
  change = release(HOSTS, { id: change.id, state: "succeeded", allowedActions: [] });
  await sitting.until((text) => text.includes("code 0"));
  expect(sitting.written).not.toContain("\x1b");
  expect(sitting.text()).toContain("✔ 支付: release 2.0.0: succeeded");
});
