import type { Plan } from "@evenkeel/contracts/change-plan";
import { ChangeId, newId, RevisionId } from "@evenkeel/contracts/id";
import { ReleaseOrderSpec } from "@evenkeel/contracts/release-order";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { TouchedTarget } from "../change/index.ts";
import { reversed } from "./dependencies.ts";

import { empty, everywhere, HOSTS, named, planned, refused, releaseOf, running, wayBack } from "./testing.ts";
import type { World } from "./world.ts";

test("what lies between two services and was not touched does not part them on the way back", () => {
  const after = new Map([
    ["db", []],
    ["api", ["db"]],
    ["web", ["api"]],
  ]);
  expect(reversed(after, new Set(["db", "web"]))).toEqual(
    new Map([
      ["db", ["web"]],
      ["web", []],
    ]),
  );
});

describe("a rollback of an order to a chosen revision", () => {
  const [api, web] = [named("api", everywhere), named("web", everywhere)];
  const spec = ReleaseOrderSpec.parse({ releases: [releaseOf("api"), releaseOf("web", { after: ["api"] })] });
  const plan = planned(spec, [api, web]);
  const touched = plan.targets.map((target): TouchedTarget => ({ ...target, state: "succeeded", currentFacts: {} }));
  const chosen = newId(RevisionId, "rev");
  const [apiRevision] = api.revisions.values();
  const withChosen = { ...api, revisions: new Map([...api.revisions, [chosen, { ...apiRevision!, id: chosen }]]) };
  const order = wayBack(plan, touched, { ...request("fast"), toRevision: chosen });

  test("moves the service that it belongs to, and the others to what ran before", () => {
    const back = planned(
      order,
      [withChosen, web].map((world, index) => applied(world, { plan, index })),
    );
    const to = (service: string) =>
      new Set(back.targets.filter(({ name }) => name.startsWith(service)).map(({ facts }) => facts.toRevisionId));
    expect(to("api")).toEqual(new Set([chosen]));
    expect(to("web")).toEqual(new Set(web.revisions.keys()));
  });

  test("is refused where it belongs to none of them", () => {
    expect(refused(order, [api, web])).toBe("NOT_FOUND");
  });
});

function request(speed: "follow" | "fast") {
  return { changeId: newId(ChangeId, "chg"), speed, strategy: null, toRevision: null };
}

type Runs = Map<string, RevisionId | null>;

/** What runs on each host of a world. */
const runsIn = (world: World): Runs =>
  new Map(world.hosts.map(({ id }) => [id, world.upstreams.find(({ hostId }) => hostId === id)?.revisionId ?? null]));

/** The world after a plan was carried out on these targets: what they are to run runs. */
function applied(
  world: World,
  { plan, index, isDone = () => true }: { plan: Plan; index: number; isDone?: (targetId: string) => boolean },
): World {
  const about = (plan.payload as { releases: { serviceId: string; service: string }[] }).releases[index]!;
  const runs = runsIn(world);
  for (const { targetId, slot, hostId, facts } of plan.targets) {
    if (slot === about.serviceId && isDone(targetId)) {
      runs.set(hostId as string, (facts.toRevisionId ?? null) as RevisionId | null);
    }
  }
  const standing = [...runs].filter(([, revisionId]) => revisionId !== null);
  const after = running(
    standing.map(([hostId, revisionId]) => ({
      host: HOSTS.find(({ id }) => id === hostId)!,
      revisionId: revisionId as RevisionId,
      letter: "b" as const,
    })),
  );
  const ownId = world.service?.id ?? world.fresh.serviceId;
  const [sample] = after.revisions.values();
  const known = new Map(world.revisions);
  for (const [, revisionId] of standing) {
    if (!known.has(revisionId as RevisionId)) {
      known.set(revisionId as RevisionId, { ...sample!, id: revisionId as RevisionId, serviceId: ownId });
    }
  }
  return {
    ...world,
    service: world.service ?? { ...after.service!, id: ownId, name: about.service, revisionId: null },
    instances: after.instances.map((instance) => ({ ...instance, serviceId: ownId })),
    upstreams: after.upstreams.map((upstream) => ({ ...upstream, serviceId: ownId })),
    revisions: known,
  };
}

/** Up to five services, each of which may follow those before it, and each host of which runs the old version or nothing. */
const orders = fc.integer({ min: 1, max: 5 }).chain((count) =>
  fc.record({
    after: fc.tuple(
      ...Array.from({ length: count }, (_, index) => fc.subarray(Array.from({ length: index }, (_, one) => `s${one}`))),
    ),
    stands: fc.array(fc.subarray(HOSTS), { minLength: count, maxLength: count }),
    parallel: fc.array(fc.option(fc.constantFrom("zone" as const), { nil: undefined }), {
      minLength: count,
      maxLength: count,
    }),
    untouched: fc.subarray(Array.from({ length: count }, (_, index) => `s${index}`)),
    touched: fc.array(fc.boolean(), { minLength: count * HOSTS.length, maxLength: count * HOSTS.length }),
    speed: fc.constantFrom("follow" as const, "fast" as const),
  }),
);

test("the inverse of any plan, at any point of its execution, brings every host back to the revision that it ran", () => {
  fc.assert(
    fc.property(orders, ({ after, stands, parallel, untouched, touched, speed }) => {
      const before = stands.map((hosts, index) =>
        named(`s${index}`, hosts.length === 0 ? empty : running(hosts.map((host) => ({ host })))),
      );
      const spec = ReleaseOrderSpec.parse({
        releases: after.map((names, index) =>
          releaseOf(`s${index}`, {
            after: names,
            ...(parallel[index] === undefined ? {} : { parallel: parallel[index] }),
            strategy: { batches: "each" },
          }),
        ),
      });
      const plan = planned(spec, before);
      const hands = plan.targets.filter(
        ({ name }, index) => touched[index] && !untouched.includes(name.split("@")[0] ?? ""),
      );
      const isTouched = (targetId: string) => hands.some((target) => target.targetId === targetId);
      const between = before.map((world, index) => applied(world, { plan, index, isDone: isTouched }));
      const order = wayBack(
        plan,
        hands.map((target): TouchedTarget => ({ ...target, state: "failed", currentFacts: {} })),
        request(speed),
      );
      if (hands.length === 0) return;
      const indexes = plannedServices(order);
      const back = planned(
        order,
        indexes.map((index) => between[index]!),
      );
      expect(back.targets.map(({ targetId }) => targetId).toSorted()).toEqual(
        hands.map(({ targetId }) => targetId).toSorted(),
      );
      for (const [position, index] of indexes.entries()) {
        expect(runsIn(applied(between[index]!, { plan: back, index: position }))).toEqual(runsIn(before[index]!));
      }
      expectReversed(plan, back);
    }),
  );
});

const plannedServices = (spec: ReleaseOrderSpec): number[] =>
  "releases" in spec ? spec.releases.map(({ application }) => Number(application.slice(1))) : [];

/** Wherever a group came after another, directly or not, it goes back before it. */
function expectReversed(plan: Plan, back: Plan): void {
  const slot = ({ targets }: typeof plan, id: string) => targets.find(({ targetId }) => targetId === id)?.slot;
  const closure = (of: typeof plan) => {
    const serviceOf = (groupId: string) =>
      slot(of, of.groups.find((group) => group.groupId === groupId)?.batches[0]?.targetIds[0] ?? "");
    const pairs = new Set<string>();
    const walk = (from: string, groupId: string): void => {
      for (const before of of.groups.find((group) => group.groupId === groupId)?.after ?? []) {
        pairs.add(`${serviceOf(from)} after ${serviceOf(before)}`);
        walk(from, before);
      }
    };
    for (const { groupId } of of.groups) walk(groupId, groupId);
    return pairs;
  };
  const there = new Set(back.targets.map((target) => target.slot));
  const turned = [...closure(plan)]
    .map((pair) => pair.split(" after "))
    .filter(([one, other]) => there.has(one as never) && there.has(other as never))
    .map(([one, other]) => `${other} after ${one}`);
  expect(closure(back)).toEqual(new Set(turned));
}
