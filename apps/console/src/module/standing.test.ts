import type { Base } from "@evenkeel/contracts/base-cluster";
import { expect, test } from "vitest";
import { tagsOf, tagText } from "./fields.tsx";
import { actionsOf, moduleNames, publicationsOf, standsOf } from "./standing.ts";

interface Held {
  readonly version: string;
  readonly state?: string;
  readonly published?: boolean;
  readonly tags?: Readonly<Record<string, string>>;
}

const base = (name: string, cluster: string | null, held: readonly Held[]): Base =>
  ({
    ...{ id: name, name, cluster },
    modules: held.map(({ version, state = "active", published = false, tags = {} }) => ({
      ...{ name: "prices", version, state, published, tags, problem: null, health: { healthy: true } },
      provides: { services: ["pricing"], routes: [{ path: "/prices" }], events: [], jobs: [], components: [] },
    })),
  }) as unknown as Base;

const WORLD = [
  base("shop@h1", "front", [{ version: "1.0.0", published: true }, { version: "1.10.0" }]),
  base("shop@h2", "front", [{ version: "1.0.0", published: true }]),
  base("shop@h3", null, [{ version: "1.9.0", state: "broken" }]),
];

test("a module stands by cluster and version, the newest first", () => {
  expect(
    standsOf(WORLD, "prices").map(({ cluster, version, bases, active, published, broken }) => [
      ...[cluster, version, bases, active, published, broken],
    ]),
  ).toEqual([
    ["", "1.9.0", 1, 0, 0, 1],
    ["front", "1.10.0", 1, 1, 0, 0],
    ["front", "1.0.0", 2, 2, 2, 0],
  ]);
  expect(standsOf(WORLD, "carts")).toEqual([]);
});

test("only what fits a version as it stands is offered", () => {
  const [broken, active, published] = standsOf(WORLD, "prices");
  expect(active && actionsOf(active)).toEqual(["publish", "deactivate", "uninstall"]);
  expect(published && actionsOf(published)).toEqual(["unpublish", "deactivate", "uninstall"]);
  expect(broken && actionsOf(broken)).toEqual(["activate", "uninstall"]);
});

test("what is published is listed by what it is called, with its tags and its bases", () => {
  const tagged = base("shop@h4", "front", [{ version: "2.0.0", published: true, tags: { gray: "yes" } }]);
  const shown = publicationsOf([...WORLD, tagged]).map(
    ({ kind, name, version, tags, bases }) => `${kind} ${name} ${version} ${tagText(tags)} ${bases}`,
  );
  expect(shown).toEqual([
    "route /prices 2.0.0 gray=yes 1",
    "route /prices 1.0.0  2",
    "service pricing 2.0.0 gray=yes 1",
    "service pricing 1.0.0  2",
  ]);
});

test("modules are those that were uploaded, stand somewhere or are to stand somewhere", () => {
  const clusters = [{ placements: [{ module: "carts" }] }];
  const bundles = [{ name: "stock" }];
  expect(moduleNames(bundles as never, { bases: WORLD, clusters: clusters as never })).toEqual([
    "carts",
    "prices",
    "stock",
  ]);
});

test.each([
  ["", {}],
  ["gray=yes, team=cart", { gray: "yes", team: "cart" }],
  ["gray  a=b=c", { gray: "", a: "b=c" }],
])("tags are typed as %s", (text, tags) => {
  expect(tagsOf(text)).toEqual(tags);
});
