import { allItems } from "@evenkeel/client/page";
import type { ChangeSummary } from "@evenkeel/contracts/change";
import { ROUTE_CHANGE } from "@evenkeel/contracts/traffic-rule";
import type { Cell } from "@evenkeel/contracts/workspace";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { ChangesCard } from "../change/changes-card.tsx";
import { client } from "../connection.ts";
import { Button } from "../kit/button.tsx";
import { ErrorNotice } from "../kit/problem.tsx";
import { Badge, Bar, Card, Empty, Skeleton } from "../kit/surface.tsx";
import { TableFrame } from "../kit/table-frame.tsx";
import { useWorkspace } from "../live/workspace.tsx";
import { useWords } from "../locale/index.tsx";
import { PageHead } from "../shell/page.tsx";
import { AwayDialog, SwitchBackDialog, SwitchDialog } from "./cell-dialogs.tsx";
import { EditCellDialog } from "./cell-edit-dialog.tsx";
import { partsOf } from "./weights.ts";
import "./traffic.css";

const CREATE = `${ROUTE_CHANGE}:create`;

type Asked =
  | { readonly what: "switch" }
  | { readonly what: "away" | "edit"; readonly cell: Cell }
  | { readonly what: "back"; readonly change: ChangeSummary };

/** Which cell gets which share of the users, and the switches between them. */
export function CellPage({ workspace }: { readonly workspace: string }) {
  const { t } = useWords();
  const { changes } = useWorkspace();
  const [asked, setAsked] = useState<Asked | null>(null);
  // A switch that has ended has altered the weights: the stream says so, and only then they are read again.
  const moved = changes
    .filter(({ kind }) => kind === ROUTE_CHANGE || kind === "release-order")
    .map(({ id, state }) => `${id} ${state}`)
    .join(" ");
  const cells = useQuery({
    queryKey: ["cells", workspace, moved],
    queryFn: () => allItems((input) => client.listCells(input as never), { workspace, limit: 200 }) as Promise<Cell[]>,
    placeholderData: (before) => before,
  });
  const list = cells.data ?? [];
  return (
    <>
      <PageHead title={t("page.cells")} lead={t("cell.lead")}>
        <Button
          look="primary"
          icon="change"
          needs={CREATE}
          disabled={list.length < 2}
          onClick={() => setAsked({ what: "switch" })}
        >
          {t("cell.switch")}
        </Button>
      </PageHead>
      {cells.isError && <ErrorNotice error={cells.error} />}
      {cells.isPending && <Skeleton lines={4} />}
      {cells.isSuccess && (
        <div className="stack">
          {list.length === 0 ? <NoCells /> : <Cells cells={list} onAct={(what, cell) => setAsked({ what, cell })} />}
          {list.length > 0 && (
            <Switches workspace={workspace} moved={moved} onBack={(change) => setAsked({ what: "back", change })} />
          )}
        </div>
      )}
      {asked?.what === "switch" && <SwitchDialog workspace={workspace} cells={list} onClose={() => setAsked(null)} />}
      {asked?.what === "away" && <AwayDialog workspace={workspace} cell={asked.cell} onClose={() => setAsked(null)} />}
      {asked?.what === "edit" && (
        <EditCellDialog workspace={workspace} cell={asked.cell} cells={list} onClose={() => setAsked(null)} />
      )}
      {asked?.what === "back" && <SwitchBackDialog change={asked.change} onClose={() => setAsked(null)} />}
    </>
  );
}

function NoCells() {
  const { t } = useWords();
  return (
    <Card>
      <Empty icon="cell" title={t("cell.none")}>
        <p>{t("cell.none.hint")}</p>
        <code className="mono">evenkeel cell create blue --zones a --colour blue</code>
      </Empty>
    </Card>
  );
}

interface CellsProps {
  readonly cells: readonly Cell[];
  readonly onAct: (what: "away" | "edit", cell: Cell) => void;
}

function Cells({ cells, onAct }: CellsProps) {
  const { t } = useWords();
  const parts = partsOf(cells);
  return (
    <Card flush label={t("page.cells")}>
      <TableFrame label={t("page.cells")}>
        <table className="table">
          <thead>
            <tr>
              <th scope="col">{t("common.name")}</th>
              <th scope="col">{t("common.zone")}</th>
              <th scope="col">{t("cell.type")}</th>
              <th scope="col">{t("cell.weight")}</th>
              <th scope="col">{t("cell.share")}</th>
              <th scope="col">{t("cell.fail-over")}</th>
              <th scope="col">{t("common.state")}</th>
              <th scope="col">{t("module.actions")}</th>
            </tr>
          </thead>
          <tbody>
            {cells.map((cell) => (
              <tr key={cell.id}>
                <td>
                  <strong>{cell.name}</strong> <span className="faint">{cell.colour}</span>
                </td>
                <td>{cell.zones.join(", ")}</td>
                <td>{t(cell.gray ? "cell.gray" : `cell.type.${cell.type}`)}</td>
                <td className="number">{cell.weight}</td>
                <td>
                  <Part cell={cell} part={parts.get(cell.name) ?? 0} />
                </td>
                <td>{cell.failOver ?? "–"}</td>
                <td>
                  <Badge tone={cell.away ? "warn" : "good"}>
                    {cell.away ? t("cell.away.is", { cell: cell.failOver ?? "–" }) : t("cell.here")}
                  </Badge>
                </td>
                <td>
                  <div className="row tight">
                    <Button
                      small
                      needs={CREATE}
                      disabled={cell.failOver === null && !cell.away}
                      onClick={() => onAct("away", cell)}
                    >
                      {t(cell.away ? "cell.bring" : "cell.away")}
                    </Button>
                    <Button small needs={CREATE} onClick={() => onAct("edit", cell)}>
                      {t("cell.edit")}
                    </Button>
                  </div>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </TableFrame>
    </Card>
  );
}

function Part({ cell, part }: { readonly cell: Cell; readonly part: number }) {
  const { number } = useWords();
  const text = `${number(100 * part)} %`;
  return (
    <span className="cell-share">
      <Bar
        label={`${cell.name}: ${text}`}
        parts={[
          { tone: "good", count: part },
          { tone: "idle", count: 1 - part },
        ]}
      />
      <span className="number">{text}</span>
    </span>
  );
}

interface SwitchesProps {
  readonly workspace: string;
  readonly moved: string;
  readonly onBack: (change: ChangeSummary) => void;
}

/** What has moved weights of cells last; the newest that can be taken back has the way back. */
function Switches({ workspace, moved, onBack }: SwitchesProps) {
  const { t } = useWords();
  const found = useQuery({
    queryKey: ["switches", workspace, moved],
    queryFn: () => client.listChanges({ query: { workspace, kind: ROUTE_CHANGE, limit: 50 } as never }),
    placeholderData: (before) => before,
  });
  const switches = (found.data?.items ?? []).filter(({ title }) => title.includes("cells ")).slice(0, 6);
  const wayBack = (change: ChangeSummary) =>
    change.allowedActions.includes("rollback") && (
      <Button small icon="back" onClick={() => onBack(change)}>
        {t("cell.switch.back")}
      </Button>
    );
  return <ChangesCard title={t("cell.switches")} changes={switches} actions={wayBack} />;
}
