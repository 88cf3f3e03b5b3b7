import { type ReactNode, useEffect, useRef, useState } from "react";

/** A table that is wider than its place is moved sideways, with the keys too: then, and only then, it can have the focus. */
export function TableFrame({ label, children }: { readonly label: string; readonly children: ReactNode }) {
  const frame = useRef<HTMLDivElement>(null);
  const [moves, setMoves] = useState(false);
  useEffect(() => {
    const element = frame.current;
    if (element === null) return;
    const look = () => setMoves(element.scrollWidth > element.clientWidth);
    const observer = new ResizeObserver(look);
    observer.observe(element);
    for (const child of element.children) observer.observe(child);
    return () => observer.disconnect();
  }, []);
  return (
    <div ref={frame} className="table-frame" {...(moves && { tabIndex: 0, role: "group", "aria-label": label })}>
      {children}
    </div>
  );
}
