import { type KeyboardEvent, useEffect, useLayoutEffect, useRef, useState } from "react";
import { Icon, type IconName } from "../kit/icon.tsx";
import { useWords } from "../locale/index.tsx";
import { curve, type Layout, layOut, NODE_HEIGHT, NODE_WIDTHS, neighbour, type Placed } from "./layout.ts";
import { COLUMNS, type ColumnName, type Edge, type Node, type Picture } from "./picture.ts";

interface GraphProps {
  readonly picture: Picture;
  readonly chosen: string;
  /** Nodes and edges that hang together with the chosen one; null = none is chosen. */
  readonly related: ReadonlySet<string> | null;
  readonly onChoose: (id: string) => void;
  readonly onTurn: (place: string) => void;
}

const ICONS: Readonly<Record<ColumnName, IconName>> = {
  application: "application",
  service: "service",
  place: "cell",
  host: "host",
  instance: "instance",
};
/** Drawn beyond what is in sight, in pixels. */
const MARGIN = 400;
/** With more than so many edges in sight nothing moves on them: calm, and cheap to paint. */
const MOST_MOVING = 60;

/** The picture: buttons on a drawing of lines. Only what is in sight is in the document. */
export function Graph({ picture, chosen, related, onChoose, onTurn }: GraphProps) {
  const frame = useRef<HTMLDivElement>(null);
  const { width, top, bottom, onScroll } = useFrame(frame);
  const layout = layOut(picture, width);
  const [at, setAt] = useState("");
  const current = layout.placed.has(at) ? at : layout.placed.has(chosen) ? chosen : firstOf(layout);
  const { nodes, edges } = drawn(layout, current, { from: top - MARGIN, to: bottom + MARGIN });
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "Escape") onChoose("");
    const next = event.key.startsWith("Arrow") ? neighbour(layout, current, event.key) : null;
    if (next === null) return;
    event.preventDefault();
    setAt(next);
    // It may only now come into the document.
    requestAnimationFrame(() =>
      frame.current?.querySelector<HTMLElement>(`[data-node="${CSS.escape(next)}"]`)?.focus(),
    );
  };
  const press = (node: Node) => {
    setAt(node.id);
    if (node.turns === undefined) onChoose(node.id === chosen ? "" : node.id);
    else onTurn(node.turns);
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the arrow keys of the buttons inside it are heard here
    <div className="topology" ref={frame} onScroll={onScroll} onKeyDown={onKeyDown}>
      <Columns layout={layout} />
      <div className="topology-canvas" style={{ width: layout.width, height: layout.height }}>
        <svg width={layout.width} height={layout.height} aria-hidden="true">
          {edges.map(({ edge, from, to }) => (
            <Line
              key={edge.id}
              edge={edge}
              path={curve(from, to)}
              dim={related !== null && !related.has(edge.id)}
              moving={edges.length <= MOST_MOVING}
            />
          ))}
        </svg>
        {nodes.map((node) => (
          <NodeButton
            key={node.id}
            node={node}
            chosen={node.id === chosen}
            dim={related !== null && !related.has(node.id)}
            current={node.id === current}
            onPress={() => press(node)}
          />
        ))}
      </div>
    </div>
  );
}

function Columns({ layout: { columns, width } }: { readonly layout: Layout }) {
  const { t } = useWords();
  return (
    <div className="topology-columns" style={{ width: width }}>
      {COLUMNS.map((column) => (
        <h3 key={column} style={{ left: columns[column] }}>
          {t(`topology.${column}`)}
        </h3>
      ))}
    </div>
  );
}

/** What lies between two heights, and the node that has the focus. */
function drawn({ placed, edges }: Layout, current: string, sight: { readonly from: number; readonly to: number }) {
  const inSight = ({ id, y }: Placed) => id === current || (y > sight.from && y < sight.to);
  return {
    nodes: [...placed.values()].filter(inSight),
    edges: edges.flatMap((edge) => {
      const from = placed.get(edge.from);
      const to = placed.get(edge.to);
      if (from === undefined || to === undefined) return [];
      const seen = Math.max(from.y, to.y) > sight.from && Math.min(from.y, to.y) < sight.to;
      return seen ? [{ edge, from, to }] : [];
    }),
  };
}

const firstOf = ({ placed }: Layout): string =>
  [...placed.values()].find(({ column }) => column === "service")?.id ?? placed.keys().next().value ?? "";

function useFrame(frame: React.RefObject<HTMLDivElement | null>) {
  const [size, setSize] = useState({ width: 1200, height: 800 });
  const [top, setTop] = useState(0);
  useLayoutEffect(() => {
    const element = frame.current;
    if (element === null) return;
    const measure = () => setSize({ width: element.clientWidth - 40, height: element.clientHeight });
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, [frame]);
  const onScroll = () => {
    const now = frame.current?.scrollTop ?? 0;
    // Half a margin at a time: a picture for each pixel would be many.
    setTop((before) => (Math.abs(now - before) > MARGIN / 2 || now === 0 ? now : before));
  };
  return { width: size.width, top, bottom: top + size.height, onScroll };
}

interface LineProps {
  readonly edge: Edge;
  readonly path: string;
  readonly dim: boolean;
  readonly moving: boolean;
}

/** The more requests, the thicker; failures have their colour. */
function Line({ edge: { requestsPerSecond, failedPerSecond }, path, dim, moving }: LineProps) {
  const width = requestsPerSecond === 0 ? 1.2 : 1.4 + 1.7 * Math.log10(1 + requestsPerSecond);
  const failed = requestsPerSecond === 0 ? 0 : failedPerSecond / requestsPerSecond;
  const look = requestsPerSecond === 0 ? "still" : failed > 0.05 ? "bad" : failed > 0.005 ? "warn" : "flowing";
  return (
    <g className={`line ${look}${dim ? " dim" : ""}`}>
      <path d={path} strokeWidth={width} />
      {moving && requestsPerSecond > 0 && <path className="drops" d={path} strokeWidth={Math.max(1.4, width / 2.4)} />}
    </g>
  );
}

interface NodeButtonProps {
  readonly node: Placed;
  readonly chosen: boolean;
  readonly dim: boolean;
  readonly current: boolean;
  readonly onPress: () => void;
}

function NodeButton({ node, chosen, dim, current, onPress }: NodeButtonProps) {
  const { t } = useWords();
  const button = useRef<HTMLButtonElement>(null);
  // A deep link leads to it, wherever it is.
  useEffect(() => {
    if (chosen) button.current?.scrollIntoView({ block: "nearest" });
  }, [chosen]);
  const name = useNameOf(node);
  const rate = useRate(node);
  return (
    <button
      ref={button}
      type="button"
      className={`node tone-${node.tone}${dim ? " dim" : ""}${node.turns === undefined ? "" : " many"}`}
      style={{ left: node.x, top: node.y, width: NODE_WIDTHS[node.column], height: NODE_HEIGHT }}
      data-node={node.id}
      data-tone={node.tone}
      aria-pressed={node.turns === undefined ? chosen : undefined}
      tabIndex={current ? 0 : -1}
      onClick={onPress}
    >
      <Icon name={ICONS[node.column]} size={14} />
      <span className="hidden-text">{`${t(`topology.${node.column}`)} `}</span>
      <span className="cut" title={name}>
        {name}
      </span>
      <span className="faint cut grow">{node.column === "host" ? "" : node.aside}</span>
      <span className="hidden-text">{` ${t(`topology.tone.${node.tone}`)} `}</span>
      <span className="node-rate number">{rate}</span>
    </button>
  );
}

/** What a node is called; those that stand for many say how many. */
export function useNameOf({ label, column, stands, turns }: Node): string {
  const { t } = useWords();
  if (column === "place") return label === "" ? "–" : label;
  if (stands !== undefined) return t(column === "host" ? "topology.hosts" : "topology.instances", { count: stands });
  return turns === undefined ? label : t("topology.fewer");
}

function useRate({ requestsPerSecond }: Node): string {
  const { t, number } = useWords();
  return requestsPerSecond === 0 ? "" : t("topology.rate", { rate: number(requestsPerSecond) });
}
