import { COLUMNS, type ColumnName, type Edge, type Node, type Picture } from "./picture.ts";

/** Where a node is drawn, in pixels. */
export interface Placed extends Node {
  readonly x: number;
  readonly y: number;
}

export interface Layout {
  readonly placed: ReadonlyMap<string, Placed>;
  readonly edges: readonly Edge[];
  readonly columns: Readonly<Record<ColumnName, number>>;
  readonly width: number;
  readonly height: number;
}

export const NODE_HEIGHT = 32;
const ROW = 38;
const PLACE_GAP = 18;
/** The left columns stay in sight even where hosts go on for pages. */
const IN_SIGHT = 680;
export const NODE_WIDTHS: Readonly<Record<ColumnName, number>> = {
  application: 166,
  service: 200,
  place: 160,
  host: 170,
  instance: 206,
};
const LEAST_GAP = 44;

/** Columns from left to right; a node stands in the middle of what hangs on it. */
export function layOut({ nodes, edges }: Picture, frameWidth: number): Layout {
  const columns = columnsOf(frameWidth);
  const placed = new Map<string, Placed>();
  const put = (node: Node, y: number) => placed.set(node.id, { ...node, x: columns.at[node.column], y });
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const below = Map.groupBy(edges, ({ from }) => from);
  const childrenOf = (id: string): Node[] =>
    (below.get(id) ?? []).flatMap(({ to }) => byId.get(to) ?? []).toSorted(inOrder);
  const rightHeight = putRight(nodes, childrenOf, put);
  const leftHeight = putLeft({ nodes, rightHeight, childrenOf, put });
  const height = Math.max(rightHeight, leftHeight);
  return { placed, edges, columns: columns.at, width: columns.width, height };
}

function columnsOf(frameWidth: number): { at: Record<ColumnName, number>; width: number } {
  const own = COLUMNS.reduce((sum, column) => sum + NODE_WIDTHS[column], 0);
  const gap = Math.max(LEAST_GAP, (frameWidth - own) / (COLUMNS.length - 1));
  const at = {} as Record<ColumnName, number>;
  let x = 0;
  for (const column of COLUMNS) {
    at[column] = x;
    x += NODE_WIDTHS[column] + gap;
  }
  return { at, width: x - gap };
}

const inOrder = (one: Node, other: Node): number =>
  rankOf(one) - rankOf(other) ||
  one.label.localeCompare(other.label, "en", { numeric: true }) ||
  (one.id < other.id ? -1 : 1);

/** What stands for many comes last, and what closes it after that. */
const rankOf = ({ turns, stands }: Node): number => (turns === undefined ? 0 : stands === undefined ? 2 : 1);

type Put = (node: Node, y: number) => void;

/** Places, hosts and instances, from their leaves up; gives the height that they need. */
function putRight(nodes: readonly Node[], childrenOf: (id: string) => Node[], put: Put): number {
  let y = 0;
  const places = nodes.filter(({ column }) => column === "place").toSorted(inOrder);
  for (const place of places) {
    const top = y;
    for (const host of childrenOf(place.id)) {
      const first = y;
      const instances = childrenOf(host.id);
      for (const instance of instances) {
        put(instance, y);
        y += ROW;
      }
      if (instances.length === 0) y += ROW;
      put(host, (first + y - ROW) / 2);
    }
    if (y === top) y += ROW;
    put(place, (top + y - ROW) / 2);
    y += PLACE_GAP;
  }
  return Math.max(0, y - PLACE_GAP);
}

/** Applications and their services, in the middle of what is in sight; gives the height that they need. */
function putLeft({ nodes, rightHeight, childrenOf, put }: Left): number {
  const services = nodes.filter(({ column }) => column === "service").length;
  let y = Math.max(0, (Math.min(rightHeight, IN_SIGHT) - services * ROW) / 2);
  const applications = nodes.filter(({ column }) => column === "application");
  for (const application of applications.toSorted(inOrder)) {
    const top = y;
    for (const service of childrenOf(application.id)) {
      put(service, y);
      y += ROW;
    }
    put(application, (top + y - ROW) / 2);
  }
  return y;
}

interface Left {
  readonly nodes: readonly Node[];
  readonly rightHeight: number;
  readonly childrenOf: (id: string) => Node[];
  readonly put: Put;
}

/** From the right side of one node to the left side of another, in one soft bend. */
export function curve(from: Placed, to: Placed): string {
  const x1 = from.x + NODE_WIDTHS[from.column];
  const y1 = from.y + NODE_HEIGHT / 2;
  const y2 = to.y + NODE_HEIGHT / 2;
  const middle = (x1 + to.x) / 2;
  return `M${x1} ${y1}C${middle} ${y1} ${middle} ${y2} ${to.x} ${y2}`;
}

/** The nearest node above or below in its column, or the nearest that hangs on it left or right. */
export function neighbour(layout: Layout, id: string, key: string): string | null {
  const at = layout.placed.get(id);
  if (at === undefined) return null;
  const candidates = candidatesOf(layout, at, key);
  const distance = ({ y }: Placed) => Math.abs(y - at.y);
  return candidates.toSorted((one, other) => distance(one) - distance(other))[0]?.id ?? null;
}

function candidatesOf({ placed, edges }: Layout, at: Placed, key: string): Placed[] {
  const place = (id: string) => placed.get(id) ?? [];
  switch (key) {
    case "ArrowUp":
      return [...placed.values()].filter(({ column, y }) => column === at.column && y < at.y);
    case "ArrowDown":
      return [...placed.values()].filter(({ column, y }) => column === at.column && y > at.y);
    case "ArrowRight":
      return edges.filter(({ from }) => from === at.id).flatMap(({ to }) => place(to));
    case "ArrowLeft":
      return edges.filter(({ to }) => to === at.id).flatMap(({ from }) => place(from));
    default:
      return [];
  }
}
