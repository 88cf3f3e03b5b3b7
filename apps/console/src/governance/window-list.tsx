import type { Window } from "@evenkeel/contracts/window";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { client } from "../connection.ts";
import { AskFirst } from "../kit/ask-first.tsx";
import { Button } from "../kit/button.tsx";
import { Ago, useNow } from "../kit/clock.tsx";
import { Badge, Card, type Tone } from "../kit/surface.tsx";
import { type Column, ListPage } from "../list/list-page.tsx";
import { useWords } from "../locale/index.tsx";
import { daysOf } from "./calendar.ts";
import { FreezeDialog } from "./freeze-dialog.tsx";

const TONES: Readonly<Record<Window["kind"], Tone>> = { freeze: "bad", peak: "warn", change: "good" };

function KindBadge({ kind }: Pick<Window, "kind">) {
  const { t } = useWords();
  return <Badge tone={TONES[kind]}>{t(`window.${kind}`)}</Badge>;
}

function Inside({ inside, turnsAt }: Pick<Window, "inside" | "turnsAt">) {
  const { t } = useWords();
  return (
    <span className="row tight">
      <Badge tone={inside ? "busy" : "idle"}>{t(inside ? "window.inside" : "window.outside")}</Badge>
      {turnsAt !== null && (
        <span className="faint">
          {t("window.turns")} <Ago at={turnsAt} />
        </span>
      )}
    </span>
  );
}

const COLUMNS: readonly Column<Window>[] = [
  { name: "common.name", show: ({ name }) => <strong>{name}</strong> },
  { name: "window.kind", show: ({ kind }) => <KindBadge kind={kind} /> },
  { name: "window.now", show: (window) => <Inside {...window} /> },
  {
    name: "window.times",
    show: ({ start, end, timeZone }) => (
      <span className="number">{`${start.replace("T", " ")} – ${end.replace("T", " ")} (${timeZone})`}</span>
    ),
  },
  { name: "window.recurrence", show: ({ recurrence }) => <span className="mono">{recurrence ?? "–"}</span> },
  { name: "common.reason", show: ({ reason }) => reason || "–" },
];

/** When changes may begin and when not: the next two weeks, and every rule. */
export function WindowList() {
  const { t } = useWords();
  const known = useQueryClient();
  const [freezing, setFreezing] = useState(false);
  const [leaving, setLeaving] = useState<string | null>(null);
  const columns: readonly Column<Window>[] = [
    ...COLUMNS,
    {
      name: "window.remove",
      show: ({ name }) => (
        <Button small look="danger" needs="window:delete" onClick={() => setLeaving(name)}>
          {t("window.remove")}
        </Button>
      ),
    },
  ];
  return (
    <>
      <ListPage
        title="page.windows"
        lead={t("window.lead")}
        of="windows"
        read={(query) => client.listWindows({ query })}
        columns={columns}
        keyOf={({ name }) => name}
        empty={{ icon: "calendar", title: "window.none", hint: "window.hint", command: "evenkeel freeze" }}
        above={(windows) => <Calendar windows={windows} />}
        actions={
          <Button look="primary" icon="plus" needs="window:update" onClick={() => setFreezing(true)}>
            {t("window.freeze.new")}
          </Button>
        }
      />
      {freezing && <FreezeDialog onClose={() => setFreezing(false)} />}
      {leaving !== null && (
        <AskFirst
          action={t("window.remove")}
          act={() => client.removeWindow({ params: { window: leaving } })}
          onDone={() => known.invalidateQueries({ queryKey: ["list", "windows"] })}
          onClose={() => setLeaving(null)}
        >
          {t("window.remove.will", { name: leaving })}
        </AskFirst>
      )}
    </>
  );
}

function Calendar({ windows }: { readonly windows: readonly Window[] }) {
  const { t, language } = useWords();
  const now = useNow(60_000);
  const format = new Intl.DateTimeFormat(language === "zh" ? "zh-CN" : "en-GB", {
    weekday: "short",
    day: "numeric",
    month: "short",
  });
  return (
    <Card title={t("window.calendar")}>
      <ol className="windows">
        {daysOf(windows, now).map(({ date, marks }, index) => (
          <li key={date} className={`window-day${index === 0 ? " today" : ""}`}>
            <time dateTime={date}>{format.format(new Date(`${date}T12:00`))}</time>
            {marks.map(({ name, kind }) => (
              <span key={name} className={`window-mark cut tone-${TONES[kind]}`} title={t(`window.${kind}`)}>
                {name}
              </span>
            ))}
          </li>
        ))}
      </ol>
    </Card>
  );
}
