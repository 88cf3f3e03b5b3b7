import type { Tree } from "@evenkeel/client/tree";
import type { BatchView } from "@evenkeel/contracts/change";
import type { ChangeAction } from "@evenkeel/contracts/change-state";
import { useWindowVirtualizer } from "@tanstack/react-virtual";
import { type KeyboardEvent, useEffect, useLayoutEffect, useMemo, useRef, useState } from "react";
import { useWords } from "../locale/index.tsx";
import { BatchHead } from "./batch-head.tsx";
import { type Board as BoardRows, boardOf, densityOf, neighbour, orderTargets, type Row } from "./rows.ts";
import { type Density, Tile } from "./tile.tsx";
import "./board.css";

interface BoardProps {
  readonly tree: Tree;
  readonly selected: string | null;
  readonly onOpen: (targetId: string) => void;
  readonly onAct: (action: ChangeAction, batch: BatchView) => void;
}

const HEIGHTS: Readonly<Record<Density, number>> = { roomy: 84, compact: 40, dense: 20 };
/** Left and right of the rows, in px. */
const PADDING = 24;
const KEYS = ["ArrowRight", "ArrowLeft", "ArrowUp", "ArrowDown", "Home", "End"];

/** Batches with their hosts as tiles. Only what is in sight is drawn, so thousands of them stay fluid. */
export function Board({ tree, selected, onOpen, onAct }: BoardProps) {
  const { t, said } = useWords();
  const frame = useRef<HTMLElement>(null);
  const { width, top } = usePlace(frame);
  const count = tree.targets.size;
  // biome-ignore lint/correctness/useExhaustiveDependencies: hosts come, and then stay where they are
  const ordered = useMemo(() => orderTargets(tree.targets.values()), [count, tree.change.planDigest]);
  const board = useMemo(() => boardOf(tree, ordered, width), [tree, ordered, width]);
  const density = densityOf(tree.change.targets.total);
  const virtual = useWindowVirtualizer({
    count: board.rows.length,
    estimateSize: (index) => heightOf(board.rows[index], density),
    getItemKey: (index) => keyOf(board.rows[index]),
    overscan: 6,
    scrollMargin: top,
  });
  const { reachable, onKeyDown } = useKeys(board, (index) => virtual.scrollToIndex(index, { align: "auto" }), frame);
  return (
    <section ref={frame} className="board" aria-label={t("change.board.label")} onKeyDown={onKeyDown}>
      <p className="hidden-text">{t("change.keys")}</p>
      <div className="board-rows" style={{ height: virtual.getTotalSize() }}>
        {virtual.getVirtualItems().map((item) => {
          const row = board.rows[item.index];
          if (row === undefined) return null;
          return (
            <div
              key={item.key}
              ref={virtual.measureElement}
              data-index={item.index}
              className={`board-row ${row.kind}${row.kind === "tiles" && row.last ? " last" : ""}`}
              style={{ transform: `translateY(${item.start - top}px)` }}
            >
              {row.kind === "group" && <h3>{said(row.group.name, "group")}</h3>}
              {row.kind === "batch" && <BatchHead batch={row.batch} kind={tree.change.kind} onAct={onAct} />}
              {row.kind === "tiles" &&
                row.targetIds.map((targetId) => {
                  const target = tree.targets.get(targetId);
                  return target === undefined ? null : (
                    <Tile
                      key={targetId}
                      target={target}
                      density={density}
                      selected={selected === targetId}
                      reachable={reachable === targetId}
                      onOpen={onOpen}
                    />
                  );
                })}
            </div>
          );
        })}
      </div>
    </section>
  );
}

function heightOf(row: Row | undefined, density: Density): number {
  if (row?.kind === "tiles") return HEIGHTS[density] + (row.last ? 12 : 0);
  return row?.kind === "group" ? 40 : 58;
}

function keyOf(row: Row | undefined): string {
  if (row === undefined) return "";
  if (row.kind === "group") return `group ${row.group.groupId}`;
  return row.kind === "batch" ? `batch ${row.batch.batchId}` : `tiles ${row.key}`;
}

/** How wide the board is, and how far down the page it begins. */
function usePlace(frame: React.RefObject<HTMLElement | null>): { readonly width: number; readonly top: number } {
  const [place, setPlace] = useState({ width: 800, top: 0 });
  useLayoutEffect(() => {
    const element = frame.current;
    if (element === null) return;
    const look = () => {
      const next = { width: element.clientWidth - PADDING, top: element.getBoundingClientRect().top + scrollY };
      setPlace((now) => (now.width === next.width && now.top === next.top ? now : next));
    };
    look();
    const observer = new ResizeObserver(look);
    observer.observe(element);
    observer.observe(document.body);
    return () => observer.disconnect();
  }, [frame]);
  return place;
}

/** Arrow keys go from host to host, also to those that are not drawn yet. */
function useKeys(board: BoardRows, scrollTo: (row: number) => void, frame: React.RefObject<HTMLElement | null>) {
  const [at, setAt] = useState<string | null>(null);
  const [asked, setAsked] = useState<string | null>(null);
  useEffect(() => {
    if (asked === null) return;
    const tile = frame.current?.querySelector<HTMLElement>(`[data-target="${CSS.escape(asked)}"]`);
    if (tile === null || tile === undefined) return;
    tile.focus();
    setAsked(null);
  });
  const onKeyDown = (event: KeyboardEvent) => {
    const from = (event.target as HTMLElement).dataset.target;
    if (from === undefined || !KEYS.includes(event.key)) return;
    event.preventDefault();
    const next = neighbour(board, from, event.key);
    if (next === undefined) return;
    const row = board.rows.findIndex((each) => each.kind === "tiles" && each.targetIds.includes(next));
    scrollTo(row);
    setAt(next);
    setAsked(next);
  };
  return { reachable: at ?? board.order[0] ?? null, onKeyDown };
}
