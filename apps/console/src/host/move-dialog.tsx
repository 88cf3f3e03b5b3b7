import { allItems } from "@evenkeel/client/page";
import type { Host } from "@evenkeel/contracts/host";
import { ROUTE_CHANGE } from "@evenkeel/contracts/traffic-rule";
import type { Cell } from "@evenkeel/contracts/workspace";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { PlanDialog } from "../change/plan-dialog.tsx";
import { client } from "../connection.ts";
import { Field } from "../kit/field.tsx";
import { Amount } from "../kit/inputs.tsx";
import { ErrorNotice } from "../kit/problem.tsx";
import { useWords } from "../locale/index.tsx";

/** Out of any cell; no cell is called so. */
const NONE = "";

/** A host to another cell: who is served by whom then stands in the plan. */
export function MoveDialog({ host, onClose }: { readonly host: Host; readonly onClose: () => void }) {
  const { t } = useWords();
  const [cell, setCell] = useState<string | null>(null);
  const [bakeSeconds, setBakeSeconds] = useState(0);
  const places = useQuery({ queryKey: ["places of", host.workspaceId], queryFn: () => placesIn(host.workspaceId) });
  const { workspace, cells = [] } = places.data ?? {};
  const spec =
    cell === null || workspace === undefined
      ? null
      : {
          workspace,
          hosts: [{ host: host.name, cell: cell === NONE ? null : cell }],
          strategy: { bakeSeconds },
        };
  const others = [...(host.cell === null ? [] : [NONE]), ...cells.filter((name) => name !== host.cell)];
  return (
    <PlanDialog
      title={`${t("host.move")} · ${host.name}`}
      start={t("host.move")}
      kind={ROUTE_CHANGE}
      spec={spec}
      onClose={onClose}
    >
      <p>{t("host.move.hint")}</p>
      {places.isError && <ErrorNotice error={places.error} />}
      <div className="fields">
        <Field label={t("host.move.to")} hint={t(others.length === 0 ? "host.move.nowhere" : "host.move.to.hint")}>
          {(id) => (
            <select
              id={id}
              className="input"
              value={cell ?? "?"}
              disabled={others.length === 0}
              onChange={(event) => setCell(event.target.value)}
            >
              {cell === null && <option value="?">{t("module.choose")}</option>}
              {others.map((name) => (
                <option key={name} value={name}>
                  {name === NONE ? t("host.move.none") : name}
                </option>
              ))}
            </select>
          )}
        </Field>
        <Amount label={t("strategy.bake")} value={bakeSeconds} onChange={setBakeSeconds} />
      </div>
    </PlanDialog>
  );
}

async function placesIn(workspaceId: Host["workspaceId"]): Promise<{ workspace: string | undefined; cells: string[] }> {
  const workspaces = await client.listWorkspaces({ query: { limit: 200 } });
  const workspace = workspaces.items.find(({ id }) => id === workspaceId)?.name;
  const read = (input: object) => client.listCells(input as never);
  const cells = workspace === undefined ? [] : ((await allItems(read, { workspace, limit: 200 })) as Cell[]);
  return { workspace, cells: cells.map(({ name }) => name) };
}
