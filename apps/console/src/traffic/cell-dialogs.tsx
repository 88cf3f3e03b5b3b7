import type { ChangeSummary } from "@evenkeel/contracts/change";
import { ROUTE_CHANGE } from "@evenkeel/contracts/traffic-rule";
import type { Cell } from "@evenkeel/contracts/workspace";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { useLocation } from "wouter";
import { AT_ONCE, type Pace, PaceFields } from "../change/pace.tsx";
import { PlanDialog } from "../change/plan-dialog.tsx";
import { RollbackPreview } from "../change/rollback-preview.tsx";
import { client } from "../connection.ts";
import { Button } from "../kit/button.tsx";
import { Dialog } from "../kit/dialog.tsx";
import { Field } from "../kit/field.tsx";
import { Amount, Text } from "../kit/inputs.tsx";
import { ErrorNotice } from "../kit/problem.tsx";
import { useWords } from "../locale/index.tsx";
import { stepsOf } from "./draft.ts";
import { likelyWeights } from "./weights.ts";

interface SwitchProps {
  readonly workspace: string;
  readonly cells: readonly Cell[];
  readonly onClose: () => void;
}

/** Other weights, step by step. */
export function SwitchDialog({ workspace, cells, onClose }: SwitchProps) {
  const { t } = useWords();
  const [weights, setWeights] = useState(() => likelyWeights(cells));
  const [steps, setSteps] = useState("");
  const [pace, setPace] = useState<Pace>(AT_ONCE);
  const shares = stepsOf(steps);
  const moved = cells.filter(({ name, weight }) => weights[name] !== undefined && weights[name] !== weight);
  const spec =
    moved.length === 0 || shares === null
      ? null
      : {
          workspace,
          cells: moved.map(({ name }) => ({ cell: name, weight: weights[name] })),
          ...{ steps: shares, strategy: { bakeSeconds: pace.bakeSeconds, confirm: pace.confirm } },
        };
  return (
    <PlanDialog title={t("cell.switch")} start={t("cell.switch")} kind={ROUTE_CHANGE} spec={spec} onClose={onClose}>
      <p>{t("cell.switch.hint")}</p>
      <div className="fields">
        {cells
          .filter(({ gray }) => !gray)
          .map(({ name }) => (
            <Amount
              key={name}
              label={t("cell.weight.of", { cell: name })}
              value={weights[name] ?? 0}
              onChange={(weight) => setWeights({ ...weights, [name]: weight })}
            />
          ))}
        <Text
          label={t("rule.steps")}
          hint={t(shares === null ? "rule.steps.wrong" : "cell.steps.hint")}
          look="number"
          placeholder="5, 50, 100"
          value={steps}
          onChange={setSteps}
        />
      </div>
      <PaceFields steps value={pace} onChange={setPace} />
    </PlanDialog>
  );
}

interface AwayProps {
  readonly workspace: string;
  readonly cell: Cell;
  readonly onClose: () => void;
}

/** All of a cell's traffic to its fail-over cell, or back. */
export function AwayDialog({ workspace, cell: { name, away, failOver }, onClose }: AwayProps) {
  const { t } = useWords();
  const what = t(away ? "cell.bring" : "cell.away");
  return (
    <PlanDialog
      title={`${what} · ${name}`}
      start={what}
      kind={ROUTE_CHANGE}
      spec={{ workspace, cells: [{ cell: name, away: !away }] }}
      onClose={onClose}
    >
      <p>{t(away ? "cell.bring.hint" : "cell.away.hint", { cell: failOver ?? "–" })}</p>
    </PlanDialog>
  );
}

/** Everything that a switch touched as it was before, at once. */
export function SwitchBackDialog({
  change,
  onClose,
}: {
  readonly change: ChangeSummary;
  readonly onClose: () => void;
}) {
  const { t, said } = useWords();
  const [, navigate] = useLocation();
  const [reason, setReason] = useState("");
  const act = useMutation({
    mutationFn: async () => {
      const back = await client.act(change.id, "rollback", { speed: "fast", reason });
      // The way back from a switch that has ended is planned first; one that is under way goes back at once.
      return back.state === "planned" ? await client.act(back.id, "start", {}) : back;
    },
    onSuccess: ({ id }) => navigate(`/changes/${id}`),
  });
  return (
    <Dialog
      title={t("cell.switch.back")}
      onClose={onClose}
      foot={
        <>
          <Button onClick={onClose}>{t("common.cancel")}</Button>
          <Button
            look="primary"
            icon="back"
            disabled={reason.trim() === "" || act.isPending}
            onClick={() => act.mutate()}
          >
            {t("cell.switch.back")}
          </Button>
        </>
      }
    >
      <p>{t("cell.switch.back.hint", { title: said(change.title) })}</p>
      {act.isError && <ErrorNotice error={act.error} />}
      <Field label={t("common.reason")}>
        {(id) => <input id={id} className="input" value={reason} onChange={(event) => setReason(event.target.value)} />}
      </Field>
      <RollbackPreview changeId={change.id} speed="fast" />
    </Dialog>
  );
}
