import type { Topology } from "@evenkeel/client/topology";
import { describe, expect, test } from "vitest";
import { layOut, NODE_HEIGHT, neighbour } from "./layout.ts";
import { type Picture, pictureOf } from "./picture.ts";
import { relatedTo } from "./sum.ts";

type Instance = Topology["instances"][number];

interface Given {
  readonly hosts?: number;
  readonly troubled?: readonly number[];
  readonly cell?: (index: number) => string | null;
}

/** A shop on so many hosts, and a bill service on the first two. */
function world({ hosts = 4, troubled = [], cell = () => null }: Given = {}): Topology {
  const name = (index: number) => `host_${String(index).padStart(20, "0")}`;
  const instance = (service: string, index: number): Instance =>
    ({
      ...{ instance: `${service}/${name(index)}/a`, serviceId: service, hostId: name(index), version: "1.0.0" },
      ...{ state: troubled.includes(index) ? "unhealthy" : "healthy", traffic: "attached" },
    }) as Instance;
  const all = Array.from({ length: hosts }, (_, index) => index);
  const instances = [...all.map((index) => instance("shop", index)), instance("bill", 0), instance("bill", 1)];
  return {
    services: [
      { serviceId: "shop", name: "shop", application: "shop", version: "1.0.0", routes: [] },
      { serviceId: "bill", name: "bill", application: "money", version: "1.0.0", routes: [] },
      { serviceId: "new", name: "new", application: "money", version: null, routes: [] },
    ] as unknown as Topology["services"],
    cells: [],
    hosts: all.map((index) => ({
      ...{ hostId: name(index), name: `h${index}`, zone: index % 2 === 0 ? "a" : "b", cell: cell(index) },
      state: "online",
    })) as unknown as Topology["hosts"],
    instances,
    instancesInAll: instances.length,
    rates: instances.map((one) => ({ ...one, requestsPerSecond: 10, failedPerSecond: 1 })),
  };
}

const draw = (topology: Topology, service = "", turned: string[] = []): Picture =>
  pictureOf(topology, { service, turned: new Set(turned) });
const find = ({ nodes }: Picture, id: string) => nodes.find((node) => node.id === id);

describe("what is drawn of a workspace", () => {
  test("every node and every edge carries the traffic of the instances that run through it", () => {
    const picture = draw(world());
    expect(find(picture, "shop")).toMatchObject({
      requestsPerSecond: 40,
      failedPerSecond: 4,
      healthy: 4,
      tone: "good",
    });
    expect(find(picture, "application money")).toMatchObject({ requestsPerSecond: 20, instances: 2 });
    expect(find(picture, "zone a")).toMatchObject({ requestsPerSecond: 30, label: "a" });
    const edge = (id: string) => picture.edges.find((each) => each.id === id);
    expect(edge("shop → zone a")).toMatchObject({ from: "shop", to: "zone a", requestsPerSecond: 20 });
    expect(edge("application money → new")).toMatchObject({ requestsPerSecond: 0 });
    expect(edge("shop → zone c")).toBeUndefined();
  });

  test("requests that nobody took are their service's failures", () => {
    const topology = world();
    const lost = { serviceId: "bill", instance: null, version: "", requestsPerSecond: 3, failedPerSecond: 3 };
    const picture = draw({ ...topology, rates: [...topology.rates, lost as never] });
    expect(find(picture, "bill")).toMatchObject({ requestsPerSecond: 23, failedPerSecond: 5 });
  });

  test("hosts stand in their cells, and in their zones where they have none", () => {
    const picture = draw(world({ cell: (index) => (index < 2 ? "blue" : null) }));
    expect(picture.nodes.filter(({ column }) => column === "place").map(({ id }) => id)).toEqual([
      "cell blue",
      "zone a",
      "zone b",
    ]);
  });

  test("of many hosts those in trouble stand alone, the others as one, until they are opened", () => {
    const many = world({ hosts: 2000, troubled: [4, 10], cell: () => "blue" });
    const folded = draw(many);
    expect(folded.nodes.length).toBeLessThan(30);
    expect(folded.nodes.filter(({ column }) => column === "host").map(({ label, stands }) => label || stands)).toEqual([
      "h4",
      "h10",
      1998,
    ]);
    expect(find(folded, "cell blue")).toMatchObject({ tone: "warn", instances: 2002, healthy: 2000 });
    const opened = draw(many, "", ["cell blue"]);
    expect(opened.nodes.filter(({ column }) => column === "host")).toHaveLength(2001);
    expect(find(opened, "cell blue fewer")).toMatchObject({ turns: "cell blue" });
  });

  test("one service alone brings only what it stands on", () => {
    const picture = draw(world(), "bill");
    expect(picture.nodes.map(({ column, label }) => `${column} ${label}`)).toEqual([
      "application money",
      "service bill",
      "place a",
      "host h0",
      "place b",
      "host h1",
      "instance bill",
      "instance bill",
    ]);
  });

  test("what hangs together with a node is what its own instances run through", () => {
    const picture = draw(world());
    const related = relatedTo(picture, "bill");
    expect(related).toContain("application money");
    expect(related).toContain("bill → zone a");
    expect(related).not.toContain("shop");
    expect(related).not.toContain(`shop/host_${"0".repeat(20)}/a`);
    expect([...relatedTo(picture, "new")].sort()).toEqual(["application money", "application money → new", "new"]);
  });
});

describe("where it is drawn", () => {
  test("no two nodes lie on each other, and each edge runs from left to right", () => {
    const layout = layOut(draw(world({ hosts: 40, troubled: [3], cell: (index) => `c${index % 3}` })), 1200);
    const placed = [...layout.placed.values()];
    expect(placed).toHaveLength(
      draw(world({ hosts: 40, troubled: [3], cell: (index) => `c${index % 3}` })).nodes.length,
    );
    for (const [, column] of Map.groupBy(placed, ({ x }) => x)) {
      const ys = column.map(({ y }) => y).toSorted((one, other) => one - other);
      expect(ys.every((y, index) => index === 0 || y - (ys[index - 1] ?? 0) >= NODE_HEIGHT)).toBe(true);
    }
    for (const { from, to } of layout.edges) {
      expect(layout.placed.get(from)?.x ?? 0).toBeLessThan(layout.placed.get(to)?.x ?? 0);
    }
    expect(Math.max(...placed.map(({ y }) => y)) + NODE_HEIGHT).toBeLessThanOrEqual(layout.height);
  });

  test("arrow keys go along the edges and up and down a column", () => {
    const layout = layOut(draw(world()), 1200);
    expect(neighbour(layout, "application shop", "ArrowRight")).toBe("shop");
    expect(neighbour(layout, "shop", "ArrowLeft")).toBe("application shop");
    expect(neighbour(layout, "shop", "ArrowUp")).toBe("new");
    expect(neighbour(layout, "new", "ArrowUp")).toBe("bill");
    expect(neighbour(layout, "bill", "ArrowUp")).toBeNull();
    expect(neighbour(layout, "application shop", "ArrowLeft")).toBeNull();
  });
});
