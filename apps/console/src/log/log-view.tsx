import type { ServiceId } from "@evenkeel/contracts/id";
import { useEffect, useRef, useState } from "react";
import { Field } from "../kit/field.tsx";
import { ErrorNotice } from "../kit/problem.tsx";
import { Card } from "../kit/surface.tsx";
import { useLogs } from "../live/logs.ts";
import { useWords } from "../locale/index.tsx";
import "../change/change.css";
import "./log.css";

interface LogViewProps {
  readonly serviceId: ServiceId;
  /** One host alone; null = all of them. */
  readonly host: string | null;
  readonly title: string;
}

/** What instances write, live. Give it service and host as its key. */
export function LogView({ serviceId, host, title }: LogViewProps) {
  const { t } = useWords();
  const { lines, error } = useLogs(serviceId, host);
  const [wanted, setWanted] = useState("");
  const box = useRef<HTMLDivElement>(null);
  const atEnd = useRef(true);
  const shown = wanted === "" ? lines : lines.filter(({ text }) => text.toLowerCase().includes(wanted.toLowerCase()));
  // biome-ignore lint/correctness/useExhaustiveDependencies: with each new line
  useEffect(() => {
    const element = box.current;
    if (element !== null && atEnd.current) element.scrollTop = element.scrollHeight;
  }, [shown.at(-1)?.number]);
  return (
    <Card title={title}>
      <div className="stack">
        <Field label={t("log.filter")}>
          {(id) => (
            <input id={id} className="input" value={wanted} onChange={(event) => setWanted(event.target.value)} />
          )}
        </Field>
        {error !== null && <ErrorNotice error={error} />}
        {lines.length === 0 && error === null && <p className="soft">{t("log.none")}</p>}
        {lines.length > 0 && (
          <div
            ref={box}
            className="code log"
            role="log"
            aria-label={title}
            // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
            tabIndex={0}
            onScroll={({ currentTarget: { scrollTop, scrollHeight, clientHeight } }) => {
              atEnd.current = scrollHeight - scrollTop - clientHeight < 24;
            }}
          >
            {shown.map(({ number, host: from, letter, stream, text }) => (
              <div key={number} className={stream}>
                <span className="log-source">{host === null ? `${from}/${letter} ` : `${letter} `}</span>
                {text}
              </div>
            ))}
          </div>
        )}
      </div>
    </Card>
  );
}
