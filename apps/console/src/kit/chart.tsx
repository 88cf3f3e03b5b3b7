import { useEffect, useRef } from "react";
import UPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { useWords } from "../locale/index.tsx";

/** Told apart by those too who do not see red and green alike. */
export const COLOURS = ["#2f7de1", "#0f9d8a", "#d97706", "#9155d4", "#c2410c", "#64748b"] as const;

export interface Series {
  readonly name: string;
  readonly values: readonly number[];
}

interface ChartProps {
  readonly title: string;
  /** Seconds since 1970. */
  readonly times: readonly number[];
  readonly series: readonly Series[];
  /** The axis reaches at least so far. */
  readonly top?: number;
}

const HEIGHT = 150;

/** Lines over time; the last value of each is in the words for those who do not see it. */
export function Chart({ title, times, series, top = 1 }: ChartProps) {
  const { clock } = useWords();
  const frame = useRef<HTMLDivElement>(null);
  const plot = useRef<UPlot | null>(null);
  const names = series.map(({ name }) => name).join("\n");
  useEffect(() => {
    const element = frame.current;
    if (element === null) return;
    const style = getComputedStyle(element);
    const made = new UPlot(
      optionsOf({ names: names.split("\n"), width: element.clientWidth, style, clock, top }),
      [[]],
      element,
    );
    plot.current = made;
    const observer = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: HEIGHT }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
    };
  }, [names, clock, top]);
  useEffect(() => {
    plot.current?.setData([[...times], ...series.map(({ values }) => [...values])]);
  }, [times, series]);
  const last = series.map(({ name, values }) => `${name}: ${values.at(-1) ?? 0}`).join(", ");
  return (
    <figure>
      <figcaption className="faint">{title}</figcaption>
      <div className="chart" ref={frame} role="img" aria-label={`${title}. ${last}`} />
    </figure>
  );
}

interface Drawing {
  readonly names: readonly string[];
  readonly width: number;
  readonly style: CSSStyleDeclaration;
  readonly clock: (at: string) => string;
  readonly top: number;
}

function optionsOf({ names, width, style, clock, top }: Drawing): UPlot.Options {
  const stroke = style.getPropertyValue("--text-faint");
  const grid = { stroke: style.getPropertyValue("--line"), width: 1 };
  const font = `11px ${style.fontFamily}`;
  return {
    width,
    height: HEIGHT,
    padding: [8, 4, 0, 0],
    cursor: { show: false },
    legend: { show: false },
    scales: { y: { range: (_, _low, high) => [0, Math.max(top, high * 1.15)] } },
    axes: [
      {
        ...{ stroke, grid: { show: false }, ticks: { show: false }, font, space: 90, size: 26 },
        values: (_, splits) => splits.map((second) => clock(new Date(second * 1000).toISOString())),
      },
      { ...{ stroke, grid, ticks: { show: false }, font, size: 42, space: 34 } },
    ],
    series: [
      {},
      ...names.map((label, index) => ({
        label,
        stroke: COLOURS[index % COLOURS.length] ?? stroke,
        width: 1.8,
        points: { show: false },
      })),
    ],
  };
}
