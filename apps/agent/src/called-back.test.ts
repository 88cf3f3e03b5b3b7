import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { ExitPoint } from "@evenkeel/agent-core/exit-point";
import { type AgentMessage, type Command, LOST_AFTER_MS } from "@evenkeel/contracts/agent-protocol";
import { describe, expect, type TestContext, test } from "vitest";
import { processesOf, TestHost } from "./testing/agent-process.ts";
import { TestControlPlane } from "./testing/control-plane.ts";
import { bring, makeRevision } from "./testing/package.ts";

/** Around the write that says it starts, and between it and the process that is there. */
const POINTS = ["before-spawn", "before-start-journal", "after-start-journal"] as const satisfies ExitPoint[];
const KINDS = ["run-script", "start-instance"] as const;

/** A host and its control plane; its effects are lines of a file. */
class Place {
  readonly plane: TestControlPlane;
  readonly host: TestHost;

  constructor(plane: TestControlPlane, host: TestHost) {
    this.plane = plane;
    this.host = host;
  }

  static async make({ onTestFinished }: TestContext): Promise<Place> {
    const plane = await TestControlPlane.start();
    const host = await TestHost.create("127.0.40.9", plane);
    onTestFinished(async () => {
      await host.dispose(plane.hostId);
      await plane.close();
    });
    return new Place(plane, host);
  }

  get #file(): string {
    return join(this.host.home, "effects");
  }

  async effects(): Promise<number> {
    return (await readFile(this.#file, "utf8").catch(() => "")).split("\n").length - 1;
  }

  script(): Command {
    const command = ["/bin/sh", "-c", `echo run >>'${this.#file}'`];
    return this.plane.command("run-script", { revisionId: null, command });
  }

  async command(kind: (typeof KINDS)[number]): Promise<Command> {
    if (kind === "run-script") return this.script();
    await this.host.start();
    const revision = await makeRevision(this.plane, { configuration: { env: { STARTS: this.#file } } });
    await bring(this.plane, revision);
    await this.host.end("SIGKILL");
    return this.plane.command("start-instance", { letter: "a", revisionId: revision.revisionId });
  }

  /** The agent stands still at this point for longer than anybody waits for it, then goes on; answers what it says of itself. */
  async freezeAt(point: ExitPoint, command: Command): Promise<Extract<AgentMessage, { kind: "hello" }>> {
    const { plane, host } = this;
    await host.start({ EVENKEEL_FREEZE_AT: point });
    plane.send({ kind: "command", command });
    while (!(await this.#isFrozen())) await sleep(20);
    await sleep(LOST_AFTER_MS + 200);
    const seen = plane.messages.length;
    host.agent?.kill("SIGCONT");
    return (await plane.heard(({ kind }) => kind === "hello", seen)) as Extract<AgentMessage, { kind: "hello" }>;
  }

  async #isFrozen(): Promise<boolean> {
    const stat = await readFile(`/proc/${this.host.agent?.pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).startsWith("T");
  }

  callBackAll(): void {
    this.plane.welcomes = ({ open }) => ({ void: open.map(({ commandId }) => commandId) });
  }

  /** A command that came later has had its turn in the same slot. */
  async lineGoesOn(): Promise<void> {
    expect(await this.plane.run("no-op", {})).toMatchObject({ kind: "succeeded" });
  }

  /** Neither now nor when the next agent comes. */
  async nothingEverCame(): Promise<void> {
    await this.lineGoesOn();
    await this.host.end("SIGKILL");
    await this.host.start();
    await this.lineGoesOn();
    expect(await this.effects()).toBe(0);
    expect(processesOf(this.plane.hostId)).toEqual([]);
  }
}

describe.concurrent("an agent that was frozen", () => {
  test.for(POINTS.flatMap((point) => KINDS.map((kind) => [point, kind] as const)))(
    "at %s of %s asks on its return, and does nothing where the word is no",
    async ([point, kind], context) => {
      const place = await Place.make(context);
      const command = await place.command(kind);
      place.callBackAll();
      const { open } = await place.freezeAt(point, command);
      expect(open).toEqual([{ commandId: command.commandId, state: "received" }]);
      await place.nothingEverCame();
      const { messages } = place.plane;
      expect(messages.some((one) => one.kind === "outcome" && one.commandId === command.commandId)).toBe(false);
    },
  );

  test("before its effect says that a command which is revoked then will never start", async (context) => {
    const place = await Place.make(context);
    const command = place.script();
    place.plane.welcomes = () => ({});
    await place.freezeAt("after-start-journal", command);
    place.plane.send({ kind: "revoke", commandId: command.commandId });
    expect(await place.plane.heard(({ kind }) => kind === "revoked")).toMatchObject({ revoked: true });
    await place.nothingEverCame();
  });

  test("before its effect goes on once it is told to", async (context) => {
    const place = await Place.make(context);
    const command = place.script();
    await place.freezeAt("after-start-journal", command);
    expect(await place.plane.outcomeOf(command.commandId)).toMatchObject({ kind: "succeeded" });
    expect(await place.effects()).toBe(1);
  });

  test("before a stop that was called back meanwhile ends nothing", async (context) => {
    const place = await Place.make(context);
    const { plane, host } = place;
    await host.start();
    const revision = await makeRevision(plane);
    await bring(plane, revision);
    const { revisionId } = revision;
    const started = await plane.run("start-instance", { letter: "a", revisionId });
    await host.end("SIGKILL");
    place.callBackAll();
    await place.freezeAt("after-start-journal", plane.command("stop-instance", { letter: "a", stopMs: 2000 }));
    await place.lineGoesOn();
    expect(processesOf(plane.hostId).map(({ pid }) => pid)).toContain("facts" in started && started.facts.pid);
  });
});

test.for(KINDS)(
  "a %s that a killed agent had written as started and not begun is interrupted where it was called back meanwhile, and never comes",
  async (kind, context) => {
    const place = await Place.make(context);
    const { plane, host } = place;
    const command = await place.command(kind);
    await host.start({ EVENKEEL_EXIT_AT: "after-start-journal" });
    plane.send({ kind: "command", command });
    await host.ended();
    place.callBackAll();
    await host.start();
    expect(await plane.outcomeOf(command.commandId)).toMatchObject({
      kind: "interrupted",
      problem: { code: "STEP_INTERRUPTED" },
    });
    await place.nothingEverCame();
  },
);
