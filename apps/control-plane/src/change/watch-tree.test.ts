import { mergeTree, type Tree, treeOf } from "@evenkeel/client/tree";
import { type Change, ChangeTreeEvent, type GroupView } from "@evenkeel/contracts/change";
import { isTerminal } from "@evenkeel/contracts/change-state";
import type { ChangeId } from "@evenkeel/contracts/id";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Caller, ServerEvent } from "../http/index.ts";
import { migratedDatabase, serverKinds } from "../testing.ts";
import { joinLookout } from "./lookout.ts";
import { permitted } from "./permitted.ts";
import { readChange } from "./read.ts";
import { appendEvents, outputOf } from "./store/event.ts";
import { findChange, RecentPlans, withPlans } from "./store/known-plan.ts";
import { noteWaiting } from "./store/step.ts";
import { Drill, type DrillHost, FAILED, type Kernel, SUCCEEDED } from "./testing.ts";
import { retry } from "./verbs/mend.ts";
import { replan } from "./verbs/plan.ts";
import { start } from "./verbs/start.ts";
import { watchTree } from "./watch-tree.ts";

describe.each(await serverKinds())("a live picture of a change on %s", (kind) => {
  let drill: Drill;
  let kernel: Kernel;
  let hosts: DrillHost[];
  beforeAll(async () => {
    drill = await Drill.begin(await migratedDatabase(kind), "tree");
    kernel = await drill.kernel();
    hosts = [await drill.host("h1"), await drill.host("h2"), await drill.host("h3")];
    for (const host of hosts) await host.connect(kernel);
  });
  afterAll(async () => await drill.close());

  const callerWho = (...may: string[]): Caller => ({
    kind: "principal",
    tenantId: drill.seeded.tenantId,
    principalId: "prn_" as Caller["principalId"],
    tokenId: "tok_" as Caller["tokenId"],
    principalName: "watcher",
    may,
    expiresAt: null,
  });

  interface Watching {
    readonly changeId: ChangeId;
    /** The stream is cut after so many events, and opened again after the last id that was seen. */
    readonly cutAfter: number;
    readonly caller: Caller;
    readonly until?: Change["state"];
  }

  /** The events of one connection, up to so many. */
  async function connect({ changeId, cutAfter, caller }: Watching, after: number): Promise<ServerEvent[]> {
    const stop = new AbortController();
    const seen: ServerEvent[] = [];
    for await (const event of watchTree(kernel.deps, { caller, changeId, after, signal: stop.signal })) {
      seen.push(event);
      if (seen.length >= cutAfter) break;
    }
    return seen;
  }

  async function picture(watching: Watching, from: Tree): Promise<Tree> {
    let tree = from;
    let after = from.change.sequence;
    while (!isTerminal(tree.change.state) && tree.change.state !== watching.until) {
      const seen = await connect(watching, after);
      after = Number(seen.findLast(({ id }) => id !== undefined)?.id ?? after);
      for (const event of seen.map(({ data }) => ChangeTreeEvent.parse(data)))
        if (event.kind === "tree") tree = mergeTree(tree, event);
    }
    return tree;
  }

  test.each([1, 2, 1000])(
    "put together from its events it is the tree, also when cut after every %s",
    async (cutAfter) => {
      const changeId = await drill.create(kernel, hosts, { strategy: { batches: "each" } });
      const caller = callerWho("*:*");
      const from = treeOf(await drill.show(changeId));
      const watching = picture({ changeId, cutAfter, caller }, from);
      await start(kernel.deps, drill.ask(changeId), {});
      const tree = await watching;
      await expectWhole(tree, caller);
      expect(tree.change.state).toBe("succeeded");
    },
  );

  async function expectWhole(tree: Tree, caller: Caller): Promise<void> {
    const which = { tenantId: drill.seeded.tenantId, changeId: tree.change.id };
    const whole = treeOf(permitted(await readChange(drill.database.db, which), caller));
    expect(tree.change).toEqual(whole.change);
    expect([...tree.targets.values()]).toEqual([...whole.targets.values()]);
    expect([...tree.states]).toEqual([...whole.states]);
  }

  test("through a failure and what mends it whoever watches has the tree, wherever he began", async () => {
    drill.behave = (step, _command, host) => (step === "do" && host === "h2" ? FAILED : SUCCEEDED);
    const changeId = await drill.create(kernel, hosts, { strategy: { batches: { size: 2 } } });
    const caller = callerWho("*:*");
    const from = treeOf(await drill.show(changeId));
    const watching = { changeId, caller, cutAfter: 1 };
    const failing = picture({ ...watching, until: "failed" }, from);
    await start(kernel.deps, drill.ask(changeId), {});
    const failed = await failing;
    await expectWhole(failed, caller);
    // The last host has not moved, and yet it may be skipped now.
    expect([...failed.targets.values()].map(({ state, allowedActions }) => [state, allowedActions])).toEqual([
      ["succeeded", []],
      ["failed", ["retry", "skip"]],
      ["staged", ["skip"]],
    ]);
    // Who comes late begins before the first event, beside those who have seen it all.
    const late = await picture({ ...watching, until: "failed" }, from);
    await expectWhole(late, caller);

    drill.behave = () => SUCCEEDED;
    const ending = [failed, late].map((tree) => picture(watching, tree));
    await retry(kernel.deps, drill.ask(changeId), {});
    for (const tree of await Promise.all(ending)) await expectWhole(tree, caller);
  });

  test("many who ask at once are one look, and who asks after it has begun gets the next", async () => {
    const changeId = await drill.create(kernel, hosts, {});
    const statements: unknown[] = [];
    const db = drill.database.db.withPlugin({
      transformQuery: ({ node }) => {
        statements.push(node.kind);
        return node;
      },
      transformResult: async ({ result }) => result,
    });
    const which = { tenantId: drill.seeded.tenantId, changeId };
    const lookouts = Array.from({ length: 20 }, () => joinLookout(db, which));
    const [first, second] = lookouts as [(typeof lookouts)[0], (typeof lookouts)[0]];
    const { sequence } = await first.lookAfter(0);
    statements.length = 0;
    const looks = await Promise.all(lookouts.map((each) => each.lookAfter(sequence)));
    expect(new Set(looks).size).toBe(1);
    expect(statements).toHaveLength(1);

    const begun = first.lookAfter(sequence);
    while (statements.length < 2) await Promise.resolve();
    const next = second.lookAfter(sequence);
    expect(await next).not.toBe(await begun);
    expect(statements).toHaveLength(3);
    for (const each of lookouts) each.leave();
  });

  test("a plan that is made anew while somebody watches is the one that he is shown", async () => {
    const changeId = await drill.create(kernel, hosts, { strategy: { batches: "each" } });
    const { groups } = await drill.show(changeId);
    const [{ groupId, batches }] = groups as [GroupView];
    const targetIds = batches.flatMap(({ targets }) => targets.map((target) => target.targetId));
    const signal = new AbortController();
    const shown: number[] = [];
    for await (const { data } of watchTree(kernel.deps, {
      caller: callerWho("*:*"),
      changeId,
      after: 0,
      signal: signal.signal,
    })) {
      const event = ChangeTreeEvent.parse(data);
      if (event.kind !== "tree") continue;
      shown.push(event.change.groups.flatMap((group) => group.batches).length);
      if (shown.at(-1) === 1) break;
      if (shown.length === 1)
        await replan(kernel.deps, drill.ask(changeId), {
          groups: [{ groupId, batches: [{ name: "all", targetIds }] }],
        });
    }
    expect([shown[0], shown.at(-1)]).toEqual([hosts.length, 1]);
  });

  test("a plan is read once, until it is planned anew or newer ones need its room", async () => {
    const changeId = await drill.create(kernel, hosts, {});
    const other = await drill.create(kernel, hosts, {});
    const plans = new RecentPlans(hosts.length);
    const { db } = drill.database;
    const read = async (id = changeId) => {
      const { plan: _, ...row } = await findChange(db, drill.seeded.tenantId, id);
      return (await withPlans(db, [row], plans))[0]!.plan;
    };
    const first = await read();
    expect(await read()).toBe(first);

    const { groupId, batches } = first.groups[0]!;
    const targetIds = batches.flatMap((batch) => batch.targetIds);
    await replan(kernel.deps, drill.ask(changeId), { groups: [{ groupId, batches: [{ name: "all", targetIds }] }] });
    const second = await read();
    expect(second.groups[0]?.batches).toHaveLength(1);
    expect(await read()).toBe(second);
    expect(plans.targets).toBe(hosts.length);

    await read(other);
    expect(plans.targets).toBe(hosts.length);
    expect(await read()).not.toBe(second);
    expect(await read()).toEqual(second);
  });

  test("it offers what the watcher may do, and nothing else", async () => {
    const changeId = await drill.create(kernel, hosts, {});
    const read = async (...may: string[]) => {
      const signal = new AbortController();
      const stream = watchTree(kernel.deps, { caller: callerWho(...may), changeId, after: 0, signal: signal.signal });
      for await (const { data } of stream) {
        const event = ChangeTreeEvent.parse(data);
        if (event.kind === "tree") return event.change.allowedActions;
      }
      return null;
    };
    expect(await read("change:read", "change:cancel")).toEqual(["cancel"]);
    expect(await read("change:read")).toEqual([]);
  });

  test("what a step prints arrives while it runs, and can be read again from its beginning", async () => {
    const { promise: printed, resolve: release } = Promise.withResolvers<void>();
    drill.behave = async (step) => {
      if (step === "do") await printed;
      return SUCCEEDED;
    };
    const changeId = await drill.run(kernel, hosts.slice(0, 1), {});
    const { tenantId } = drill.seeded;
    const running = await untilRunning(changeId);
    const signal = new AbortController();
    const caller = callerWho("*:*");
    const stream = watchTree(kernel.deps, { caller, changeId, after: 0, signal: signal.signal });

    const data = { stepId: running, target: "h1", name: "do", text: "half way\n" };
    await drill.database.db.transaction().execute(async (tx) => appendEvents(tx, changeId, [{ type: "output", data }]));
    for await (const event of stream) {
      const parsed = ChangeTreeEvent.parse(event.data);
      if (parsed.kind !== "output") continue;
      expect(parsed).toMatchObject({ stepId: running, targetId: "h1", text: "half way\n" });
      expect(event.id).toBeUndefined();
      break;
    }
    const page = { changeId, stepId: running, after: null, rows: 10 };
    expect(await outputOf(drill.database.db, page)).toMatchObject([{ text: "half way\n" }]);
    release();
    drill.behave = () => SUCCEEDED;
    await drill.waitFor(changeId, "succeeded");
    expect((await readChange(drill.database.db, { tenantId, changeId })).state).toBe("succeeded");
  });

  test("what a step waits for is told, though no event tells it", async () => {
    const { promise: printed, resolve: release } = Promise.withResolvers<void>();
    drill.behave = async (step) => {
      if (step === "do") await printed;
      return SUCCEEDED;
    };
    const changeId = await drill.run(kernel, hosts.slice(0, 1), {});
    const running = await untilRunning(changeId);
    const { sequence } = await drill.show(changeId);
    const note = (waitingFor: string) =>
      drill.database.db.transaction().execute(async (tx) => noteWaiting(tx, running, { waitingFor }));
    const { signal } = new AbortController();
    const told: unknown[] = [];
    for await (const { data } of watchTree(kernel.deps, {
      caller: callerWho("*:*"),
      changeId,
      after: sequence,
      signal,
    })) {
      const event = ChangeTreeEvent.parse(data);
      if (event.kind !== "tree") continue;
      const targets = event.change.groups.flatMap(({ batches }) => batches.flatMap((batch) => batch.targets));
      told.push(...targets.flatMap(({ steps }) => steps.flatMap(({ waitingFor }) => waitingFor ?? [])));
      if (told.includes("two requests")) break;
      await note(told.includes("three requests") ? "two requests" : "three requests");
    }
    expect(told).toEqual(["three requests", "two requests"]);
    release();
    drill.behave = () => SUCCEEDED;
    await drill.waitFor(changeId, "succeeded");
  });

  async function untilRunning(changeId: ChangeId) {
    for (;;) {
      const { groups } = await drill.show(changeId);
      const steps = groups.flatMap(({ batches }) => batches.flatMap(({ targets }) => targets.flatMap((t) => t.steps)));
      const id = steps.find(({ name, state }) => name === "do" && state === "running")?.id;
      if (id) return id;
    }
  }
});
