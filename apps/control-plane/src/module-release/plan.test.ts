import type { Placement } from "@evenkeel/contracts/base-cluster";
import { isRefusal } from "@evenkeel/contracts/error";
import { ModuleReleaseSpec } from "@evenkeel/contracts/module-release";
import { describe, expect, test } from "vitest";
import { freeze } from "../change/index.ts";
import type { PlacementWorld } from "../placement/plan/index.ts";
import { baseOf, clusterOf, placed, uploaded, worldOf } from "../placement/testing.ts";
import { inverseOfModuleRelease } from "./inverse.ts";
import { locksOfModuleRelease, planModuleRelease } from "./plan.ts";

const front = clusterOf("front");
const warm = clusterOf("warm", { buffer: true });
const bundles = ["prices 1.0.0", "prices 2.0.0", "prices 3.0.0", "cart 1.0.0"].map((words) => uploaded(words));

const world = (...bases: (readonly string[] | null)[]): PlacementWorld =>
  worldOf({
    clusters: [front, warm],
    bundles,
    bases: bases.map((modules, index) => baseOf(`local-${index + 1}`, front, modules)),
  });

const specOf = (modules: string, more: object = {}) =>
  ModuleReleaseSpec.parse({
    cluster: "front",
    modules: modules.split(",").map((one) => ({ name: one.split(" ")[0], version: one.split(" ")[1] })),
    ...more,
  });

function plan(spec: ModuleReleaseSpec, given: PlacementWorld) {
  const draft = planModuleRelease(spec, given);
  if (isRefusal(draft)) throw new Error(`${draft.refused} ${JSON.stringify(draft.facts)}`);
  return freeze("module-release", draft, locksOfModuleRelease(spec, given));
}

const stepsOf = (spec: ModuleReleaseSpec, ...bases: (readonly string[])[]) =>
  plan(spec, world(...bases)).targets.map(({ steps }) => steps.map(({ name }) => name));

const inputOf = (spec: ModuleReleaseSpec, base: readonly string[]) =>
  plan(spec, world(base)).targets[0]?.steps[0]?.input;

describe("what is planned for a base", () => {
  test.each<{ what: string; base: string[]; more?: object; steps: string[] }>([
    { what: "nothing stood there", base: [], steps: ["install prices@2.0.0"] },
    {
      what: "an old version is exchanged in one moment",
      base: ["prices 1.0.0 published"],
      steps: ["install prices@2.0.0"],
    },
    { what: "it may be kept beside", base: ["prices 1.0.0"], more: { keep: true }, steps: ["install prices@2.0.0"] },
    { what: "of several all others go", base: ["prices 1.0.0", "prices 3.0.0"], steps: ["install prices@2.0.0"] },
    { what: "broken remains are installed over", base: ["prices 2.0.0 broken"], steps: ["install prices@2.0.0"] },
    { what: "the others go", base: ["prices 1.0.0", "prices 2.0.0"], steps: ["uninstall prices@1.0.0"] },
    { what: "what is inactive is activated", base: ["prices 2.0.0 resolved"], steps: ["activate prices@2.0.0"] },
    {
      what: "it is published if asked",
      base: ["prices 2.0.0"],
      more: { publish: {} },
      steps: ["publish prices@2.0.0"],
    },
  ])("$what", ({ base, more = {}, steps }) => {
    expect(stepsOf(specOf("prices 2.0.0", more), base)).toEqual([steps]);
  });

  test("a foreign base lets one version serve: beside it the others stand by, and come after it where nothing is yet", () => {
    const foreign = (modules: readonly string[]): PlacementWorld => {
      const given = world(modules);
      const bases = given.bases.map(({ report, ...base }) => ({
        ...base,
        report: { ...report!, kind: "arklet" as const },
      }));
      return { ...given, bases };
    };
    const keep = specOf("prices 2.0.0", { keep: true, publish: {} });
    const placedBy = (spec: ModuleReleaseSpec, given: PlacementWorld) => {
      const { clusters } = plan(spec, given).closing[0]!.input as { clusters: { placements: Placement[] }[] };
      return clusters[0]?.placements[0]?.versions;
    };
    expect(placedBy(keep, foreign(["prices 1.0.0 published"]))).toEqual([
      { version: "1.0.0", active: false, published: null },
      { version: "2.0.0", active: true, published: { tags: {} } },
    ]);
    expect(placedBy(specOf("prices 2.0.0", { keep: true }), foreign(["prices 1.0.0 published"]))).toEqual([
      { version: "1.0.0", active: true, published: { tags: {} } },
      { version: "2.0.0", active: false, published: null },
    ]);
    const given = foreign(["prices 1.0.0 resolved", "prices 2.0.0 published"]);
    const made = plan(specOf("prices 3.0.0"), given);
    const touched = made.targets.map((target) => ({
      ...target,
      state: "succeeded" as const,
      currentFacts: target.facts,
    }));
    const back = inverseOfModuleRelease(made, touched, { speed: "fast" } as never);
    if (isRefusal(back)) throw new Error(back.refused);
    const after = foreign(["prices 3.0.0 published"]);
    const bases = after.bases.map((base) => ({ ...base, id: given.bases[0]!.id }));
    const steps = plan(back, { ...after, bases }).targets[0]?.steps.map(({ name }) => name);
    expect(steps).toEqual(["install prices@2.0.0", "install prices@1.0.0", "uninstall prices@3.0.0"]);
  });

  test("it takes the publication over from what it replaces, and is unpublished where nothing was", () => {
    const replace = { replace: true, activate: true };
    expect(inputOf(specOf("prices 2.0.0"), ["prices 1.0.0 published"])).toMatchObject({
      ...replace,
      publish: { tags: {} },
    });
    expect(inputOf(specOf("prices 2.0.0"), ["prices 1.0.0"])).toMatchObject({ ...replace, publish: null });
    const tags = { gray: "10" };
    expect(inputOf(specOf("prices 2.0.0", { publish: { tags } }), [])).toMatchObject({
      replace: false,
      publish: { tags },
    });
  });

  test("a group comes in the order in which its modules need each other", () => {
    const needy = uploaded("cart 1.0.0", { needs: { services: { pricing: {} } } });
    const provider = uploaded("prices 2.0.0", { provides: { services: ["pricing"] } });
    const given = { ...world([]), bundles: [needy, provider] };
    const [target] = plan(specOf("cart 1.0.0,prices 2.0.0"), given).targets;
    expect(target?.steps.map(({ name }) => name)).toEqual(["install prices@2.0.0", "install cart@1.0.0"]);
    expect(target?.stage).toMatchObject([{ type: "fetch-package", input: { objects: [{}, {}] } }]);
  });
});

test("a module comes after what any of its versions needs", () => {
  const bundles = [
    uploaded("cart 1.0.0"),
    uploaded("cart 2.0.0", { needs: { services: { pricing: {} } } }),
    uploaded("prices 1.0.0", { provides: { services: ["pricing"] } }),
  ];
  const given = { ...world([]), bundles };
  const { versions } = placed("cart", "1.0.0");
  const modules = [
    { name: "cart", versions: [...versions, ...placed("cart", "2.0.0").versions] },
    { name: "prices", versions: placed("prices", "1.0.0").versions },
  ];
  const targets = [{ base: given.bases[0]!.id, modules }];
  const spec = ModuleReleaseSpec.parse({ cluster: "front", targets, placements: [] });
  expect(plan(spec, given).targets[0]?.steps.map(({ name }) => name)).toEqual([
    "install prices@1.0.0",
    "install cart@1.0.0",
    "install cart@2.0.0",
  ]);
});

test.each([
  { range: "^3.0.0", refused: "DEPENDENCY_CONFLICT", facts: { module: "cart@1.0.0", library: "ms", found: "2.1.3" } },
  { range: "^2.0.0", refused: null, facts: {} },
  { library: "pg", range: "*", refused: "DEPENDENCY_MISSING", facts: { module: "cart@1.0.0", library: "pg" } },
])(
  "a module whose libraries its bases do not share is refused before the first of them is touched: $library $range",
  ({ library = "ms", range, refused, facts }) => {
    const there = world([], []);
    const bases = there.bases.map(({ report, ...base }) => ({
      ...base,
      report: report && { ...report, description: { ...report.description, libraries: { ms: "2.1.3" } } },
    }));
    const cart = uploaded("cart 1.0.0", { needs: { libraries: { [library]: range } } });
    const made = planModuleRelease(specOf("cart 1.0.0"), { ...there, bases, bundles: [cart] });
    expect(isRefusal(made) ? made : { refused: null, facts: {} }).toMatchObject({ refused, facts });
  },
);

describe("modules that need each other", () => {
  const needing = (words: string, needs: Record<string, object>) => {
    const [name = ""] = words.split(" ");
    return uploaded(words, { needs: { services: needs }, provides: { services: [name] } });
  };
  const refusalOf = (modules: string, bundles: ReturnType<typeof uploaded>[], more: Partial<PlacementWorld> = {}) => {
    const made = planModuleRelease(specOf(modules), { ...world([]), bundles, ...more });
    return isRefusal(made) ? made : null;
  };
  const [ping, pong, optional] = [
    needing("ping 1.0.0", { pong: {} }),
    needing("pong 1.0.0", { ping: {} }),
    needing("pong 1.0.0", { ping: { optional: true } }),
  ];

  test("are refused before anything is touched, and the circle is named without those that only lead to it", () => {
    const bundles = [needing("cart 1.0.0", { ping: {} }), ping, pong];
    const circle = "ping@1.0.0 → pong@1.0.0 → ping@1.0.0";
    expect(refusalOf("cart 1.0.0,ping 1.0.0,pong 1.0.0", bundles)).toMatchObject({
      ...{ refused: "MODULES_CIRCLE", facts: { circle } },
    });
    const [one, two, three] = [["b"], ["c"], ["a"]].map(([other], index) =>
      needing(`${"abc"[index]} 1.0.0`, { [other!]: {} }),
    );
    expect(refusalOf("a 1.0.0,b 1.0.0,c 1.0.0", [one!, two!, three!])?.facts).toEqual({
      circle: "a@1.0.0 → b@1.0.0 → c@1.0.0 → a@1.0.0",
    });
  });

  test("are planned where one of them can do without, or somebody else is there for it", () => {
    expect(refusalOf("ping 1.0.0,pong 1.0.0", [ping, optional])).toBeNull();
    // The earlier version needs nobody, so it comes first.
    const bundles = [needing("ping 1.0.0", {}), needing("ping 2.0.0", { pong: {} }), pong];
    const placements = new Map([[front.id, [placed("ping", "1.0.0"), placed("pong", "1.0.0")]]]);
    const keep = planModuleRelease(specOf("ping 2.0.0", { keep: true }), {
      ...world(["ping 1.0.0 published", "pong 1.0.0 published"]),
      ...{ bundles, placements },
    });
    expect(isRefusal(keep)).toBe(false);
    // A need that nobody meets is for the base to refuse.
    expect(refusalOf("ping 1.0.0", [ping])).toBeNull();
  });

  test("are refused also where a base would take them today, with what stands there, and a new base could not", () => {
    const bundles = [needing("ping 1.0.0", {}), needing("ping 2.0.0", { pong: {} }), pong];
    const placements = new Map([[front.id, [placed("ping", "1.0.0"), placed("pong", "1.0.0")]]]);
    const given = { ...world(["ping 1.0.0 published", "pong 1.0.0 published"]), bundles, placements };
    expect(planModuleRelease(specOf("ping 2.0.0"), given)).toMatchObject({
      ...{ refused: "MODULES_CIRCLE", facts: { circle: "ping@2.0.0 → pong@1.0.0 → ping@2.0.0" } },
    });
  });
});

test("bundles are fetched before anything is touched where hosts, batches or steps come later, and by the step itself where there is nothing else", () => {
  const there = world(["prices 1.0.0"], []);
  const [first] = there.bases;
  const { hostId, host } = first!;
  const onOneHost = { ...there, bases: there.bases.map((base) => ({ ...base, hostId, host })) };
  const stages = (given: PlacementWorld, more: object = {}) =>
    plan(specOf("prices 2.0.0", more), given).targets.map(({ stage }) => stage.map(({ type }) => type));
  const fetched = [["fetch-package"], ["fetch-package"]];
  expect(stages(onOneHost)).toEqual([[], []]);
  expect(stages(there)).toEqual(fetched);
  expect(stages(onOneHost, { strategy: { batches: "each" } })).toEqual(fetched);
  expect(stages(onOneHost, { strategy: { beta: 1 } })).toEqual(fetched);
  const [alone] = plan(specOf("prices 2.0.0"), world([])).targets;
  const [one] = plan(specOf("prices 2.0.0", { strategy: { batches: "each" } }), world([], [])).targets;
  // The time to fetch has gone into the step.
  expect(alone!.steps[0]!.timeoutMs).toBe(one!.steps[0]!.timeoutMs + one!.stage[0]!.timeoutMs);
});

test("batches go over bases, those that have it already are left out, and one that does not answer is listed", () => {
  const made = plan(specOf("prices 2.0.0", { strategy: { batches: "each" } }), world([], ["prices 2.0.0"], [], null));
  expect(made.groups[0]?.batches.map(({ targetIds }) => targetIds)).toEqual([
    ["shop@local-1"],
    ["shop@local-3"],
    ["shop@local-4"],
  ]);
  expect(made.targets.map(({ online }) => online)).toEqual([true, true, false]);
  expect(made.warnings).toEqual(["no process of it answers, and one must when its turn comes: shop@local-4"]);
});

test("a number means bases that hold it, then the least loaded; placed modules stay where they are placed", () => {
  const given = world(["cart 1.0.0"], [], ["prices 1.0.0 published", "cart 1.0.0"]);
  const names = (spec: ModuleReleaseSpec, where: PlacementWorld) => plan(spec, where).targets.map(({ name }) => name);
  expect(names(specOf("prices 2.0.0", { bases: 2 }), given)).toEqual(["shop@local-2", "shop@local-3"]);
  const placements = new Map([[front.id, [placed("prices", "1.0.0", [given.bases[2]!.id])]]]);
  expect(names(specOf("prices 2.0.0"), { ...given, placements })).toEqual(["shop@local-3"]);
  expect(names(specOf("prices 2.0.0", { bases: "all" }), { ...given, placements })).toHaveLength(3);
});

test("the module is the change's alone, its bases are shared: another module may be released beside it", () => {
  const locks = locksOfModuleRelease(specOf("prices 2.0.0"), world([]));
  expect(locks.map(({ mode, label }) => `${mode} ${label}`)).toEqual([
    "exclusive module prices in front",
    "shared base shop@local-1",
    "shared service shop",
    "shared host local-1",
  ]);
});

test("a rollback brings each touched base back to exactly what stood there", () => {
  const given = world(["prices 1.0.0 published"], []);
  const made = plan(specOf("prices 2.0.0"), given);
  const touched = made.targets.map((target) => ({ ...target, state: "succeeded" as const, currentFacts: {} }));
  const request = { changeId: "chg_x" as never, speed: "fast" as const, strategy: null, toRevision: null };
  const back = inverseOfModuleRelease(made, touched, request);
  if (isRefusal(back)) throw new Error(back.refused);
  const after = world(["prices 2.0.0 published"], ["prices 2.0.0", "prices 3.0.0 broken"]);
  const bases = after.bases.map((base, index) => ({ ...base, id: given.bases[index]!.id }));
  const steps = plan(back, { ...after, bases }).targets.map((target) => target.steps);
  expect(steps.map((its) => its.map(({ name }) => name))).toEqual([
    ["install prices@1.0.0"],
    ["uninstall prices@2.0.0", "uninstall prices@3.0.0"],
  ]);
  expect(steps[0]?.[0]?.input).toMatchObject({ replace: true, publish: { tags: {} } });
});

test("where the failed version has left nothing behind, the way back is a look at the base", () => {
  const given = world(["prices 1.0.0 published"]);
  const failed = plan(specOf("prices 2.0.0"), given);
  const touched = failed.targets.map((target) => ({ ...target, state: "failed" as const, currentFacts: {} }));
  const request = { changeId: "chg_x" as never, speed: "fast" as const, strategy: null, toRevision: null };
  const back = inverseOfModuleRelease(failed, touched, request);
  if (isRefusal(back)) throw new Error(back.refused);
  const made = plan(back, given);
  expect(made.targets.map(({ steps }) => steps.map(({ type }) => type))).toEqual([["query-modules"]]);
  expect(made.closing).toHaveLength(1);
});

test.each<{ what: string; spec: ModuleReleaseSpec; given: PlacementWorld; code: string }>([
  { what: "an unknown module", spec: specOf("none 1.0.0"), given: world([]), code: "NOT_FOUND" },
  { what: "an unknown version", spec: specOf("prices 9.0.0"), given: world([]), code: "NOT_FOUND" },
  {
    what: "an unknown cluster",
    spec: specOf("prices 1.0.0", { cluster: "none" }),
    given: world([]),
    code: "NOT_FOUND",
  },
  {
    what: "a buffer",
    spec: specOf("prices 1.0.0", { cluster: "warm" }),
    given: world([]),
    code: "BASE_CLUSTER_IS_BUFFER",
  },
  { what: "a cluster without bases", spec: specOf("prices 1.0.0"), given: world(), code: "BASES_NONE" },
  {
    what: "more bases than there are",
    spec: specOf("prices 1.0.0", { bases: 3 }),
    given: world([], []),
    code: "BASES_NONE",
  },
  {
    what: "a base that is none",
    spec: specOf("prices 1.0.0", { bases: ["shop@moon"] }),
    given: world([]),
    code: "BASES_NONE",
  },
  { what: "no base that answers", spec: specOf("prices 1.0.0"), given: world(null, null), code: "BASES_OFFLINE" },
  { what: "what is so already", spec: specOf("prices 1.0.0"), given: world(["prices 1.0.0"]), code: "MODULES_SO" },
])("$what is refused with its code", ({ spec, given, code }) => {
  const draft = planModuleRelease(spec, given);
  expect(isRefusal(draft) ? draft.refused : "planned").toBe(code);
});

describe("modules and businesses", () => {
  const named = (name: string, modules: string[]) => ({
    name: name as never,
    when: { kind: name },
    modules: modules as never[],
  });
  const [retail, trade, open] = [named("retail", ["cart"]), named("trade", ["tax"]), named("open", [])];
  const shops = clusterOf("front", { businesses: [retail, trade, open] });
  const three = (...bases: (readonly string[])[]) =>
    worldOf({
      ...{ clusters: [shops], bundles },
      bases: bases.map((modules, index) => baseOf(`local-${index + 1}`, shops, modules)),
    });

  test("one order brings a module into two businesses, on all bases of the cluster, and its rollback takes it out of both", () => {
    const spec = specOf("prices 2.0.0", { bases: 1, businesses: ["retail", "trade", "open"] });
    const given = three(["prices 1.0.0"], []);
    const made = plan(spec, given);
    const after = [named("retail", ["cart", "prices"]), named("trade", ["tax", "prices"]), open];
    expect(made.targets.map(({ steps }) => steps.map(({ name }) => name))).toEqual([
      ["install prices@2.0.0", "split-base"],
      ["split-base"],
    ]);
    expect(made.targets[1]?.steps[0]?.input).toMatchObject({ rules: null, businesses: after });
    expect(made.closing[0]?.input).toMatchObject({ clusters: [{ rules: null, businesses: after }] });
    expect(locksOfModuleRelease(spec, given)).toContainEqual(
      expect.objectContaining({ resource: `base-cluster/${shops.id}/split`, mode: "exclusive" }),
    );
    const touched = made.targets.map(({ targetId, facts }) => ({ targetId, facts }) as never);
    const back = inverseOfModuleRelease(made, touched, { speed: "fast", reason: "no" } as never);
    expect(back).toMatchObject({ businesses: shops.businesses, placements: [{ module: "prices", versions: [] }] });
  });

  test("a business that there is not is refused; one that names nobody, or has the module, stays as it is", () => {
    expect(planModuleRelease(specOf("prices 2.0.0", { businesses: ["nobody"] }), three([]))).toMatchObject({
      refused: "NOT_FOUND",
      facts: { resource: "business nobody in base-cluster front" },
    });
    const made = plan(specOf("cart 1.0.0", { businesses: ["retail", "open"] }), three([]));
    expect(made.targets[0]?.steps.map(({ name }) => name)).toEqual(["install cart@1.0.0"]);
  });
});
