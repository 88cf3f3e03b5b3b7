import type { ReactNode } from "react";
import { Icon, type IconName } from "./icon.tsx";

export type Tone = "good" | "busy" | "warn" | "bad" | "idle";

interface CardProps {
  readonly title?: ReactNode;
  readonly aside?: ReactNode;
  readonly children: ReactNode;
  /** Its content reaches the edges: a table, a list. */
  readonly flush?: boolean;
  readonly label?: string;
}

export function Card({ title, aside, children, flush = false, label }: CardProps) {
  return (
    <section className="card" aria-label={label}>
      {title !== undefined && (
        <div className="card-head">
          <h2 className="grow">{title}</h2>
          {aside}
        </div>
      )}
      <div className={flush ? "" : "card-body"}>{children}</div>
    </section>
  );
}

export function Badge({ tone, plain, children }: { tone: Tone; plain?: boolean; children: ReactNode }) {
  return <span className={`badge tone-${tone}${plain ? " plain" : ""}`}>{children}</span>;
}

const NOTICE_ICONS: Readonly<Record<Tone, IconName>> = {
  good: "check",
  busy: "info",
  warn: "warning",
  bad: "cross",
  idle: "info",
};

interface NoticeProps {
  readonly tone: Tone;
  readonly title: ReactNode;
  readonly children?: ReactNode;
  readonly aside?: ReactNode;
}

export function Notice({ tone, title, children, aside }: NoticeProps) {
  return (
    <div className={`notice tone-${tone}`} role={tone === "bad" ? "alert" : "status"}>
      <Icon name={NOTICE_ICONS[tone]} />
      <div className="grow stack tight">
        <strong>{title}</strong>
        {children}
      </div>
      {aside}
    </div>
  );
}

interface EmptyProps {
  readonly icon: IconName;
  readonly title: ReactNode;
  readonly children?: ReactNode;
}

/** Nothing here yet: what belongs here, and how the first one comes. */
export function Empty({ icon, title, children }: EmptyProps) {
  return (
    <div className="empty">
      <Icon name={icon} size={30} />
      <strong>{title}</strong>
      {children}
    </div>
  );
}

export function Skeleton({ lines = 3 }: { readonly lines?: number }) {
  return (
    <div className="stack tight" aria-busy="true">
      {Array.from({ length: lines }, (_, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: they are all the same
        <div className="skeleton" key={index} />
      ))}
    </div>
  );
}

/** Shares of a whole, side by side. */
export function Bar({ parts, label }: { parts: readonly { tone: Tone; count: number }[]; label: string }) {
  return (
    <div className="bar" role="img" aria-label={label}>
      {parts
        .filter(({ count }) => count > 0)
        .map(({ tone, count }) => (
          <span key={tone} className={`tone-${tone}`} style={{ flexGrow: count }} />
        ))}
    </div>
  );
}
