import { ROUTE_CHANGE } from "@evenkeel/contracts/traffic-rule";
import type { Cell } from "@evenkeel/contracts/workspace";
import { useState } from "react";
import { PlanDialog } from "../change/plan-dialog.tsx";
import { Field } from "../kit/field.tsx";
import { Amount, Text } from "../kit/inputs.tsx";
import { useWords } from "../locale/index.tsx";
import { Check } from "../module/fields.tsx";
import { cellDraft, cellSpec } from "./cell-draft.ts";

interface EditProps {
  readonly workspace: string;
  readonly cell: Cell;
  readonly cells: readonly Cell[];
  readonly onClose: () => void;
}

/** What a cell is: who serves whom by it then stands in the plan. */
export function EditCellDialog({ workspace, cell, cells, onClose }: EditProps) {
  const { t } = useWords();
  const [draft, setDraft] = useState(() => cellDraft(cell));
  const [bakeSeconds, setBakeSeconds] = useState(0);
  const altered = cellSpec(cell, draft);
  const spec = altered === null ? null : { workspace, cells: [altered], strategy: { bakeSeconds } };
  const title = `${t("cell.edit")} · ${cell.name}`;
  return (
    <PlanDialog title={title} start={t("cell.edit.start")} kind={ROUTE_CHANGE} spec={spec} onClose={onClose}>
      <p>{t("cell.edit.hint")}</p>
      <div className="fields">
        <Text
          label={t("cell.zones")}
          hint={t("cell.zones.hint")}
          look="mono"
          placeholder="a, b"
          value={draft.zones}
          onChange={(zones) => setDraft({ ...draft, zones })}
        />
        <Field label={t("cell.fail-over")} hint={t("cell.fail-over.hint")}>
          {(id) => (
            <select
              id={id}
              className="input"
              value={draft.failOver}
              onChange={({ target }) => setDraft({ ...draft, failOver: target.value })}
            >
              <option value="">{t("cell.fail-over.none")}</option>
              {cells
                .filter(({ name }) => name !== cell.name)
                .map(({ name }) => (
                  <option key={name}>{name}</option>
                ))}
            </select>
          )}
        </Field>
        <Amount label={t("strategy.bake")} value={bakeSeconds} onChange={setBakeSeconds} />
      </div>
      <Check
        checked={draft.shared}
        label={t("cell.type.shared")}
        hint={t("cell.shared.hint")}
        onChange={(shared) => setDraft({ ...draft, shared })}
      />
      <Check
        checked={draft.gray}
        label={t("cell.gray")}
        hint={t("cell.gray.hint")}
        onChange={(gray) => setDraft({ ...draft, gray })}
      />
    </PlanDialog>
  );
}
