import type { Tree } from "@evenkeel/client/tree";
import type { Change } from "@evenkeel/contracts/change";
import type { ChangeAction } from "@evenkeel/contracts/change-state";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { useLocation } from "wouter";
import { client } from "../connection.ts";
import { Button } from "../kit/button.tsx";
import { Dialog } from "../kit/dialog.tsx";
import { Field } from "../kit/field.tsx";
import { ErrorNotice } from "../kit/problem.tsx";
import { useToasts } from "../kit/toasts.tsx";
import { useWords } from "../locale/index.tsx";
import { type Asked, bodyOf, type Filled, needsReason, nothingFilled } from "./action-body.ts";
import { RollbackPreview } from "./rollback-preview.tsx";

interface ActionDialogProps {
  readonly change: Change;
  readonly tree: Tree;
  readonly asked: Asked;
  readonly onClose: () => void;
  readonly onDone: (change: Change) => void;
}

/** Says what an action will do before it does it, and asks for what it needs. */
export function ActionDialog({ change, tree, asked, onClose, onDone }: ActionDialogProps) {
  const { t } = useWords();
  const toasts = useToasts();
  const [, navigate] = useLocation();
  const [filled, setFilled] = useState<Filled>(nothingFilled);
  const { action } = asked;
  const act = useMutation({
    mutationFn: () => client.act(change.id, action, bodyOf(asked, { change, tree }, filled)),
    onSuccess: (answer) => {
      toasts.say(t("action.done", { what: t(`action.${action}`) }));
      onClose();
      // The rollback of a change that has ended is a change of its own, which waits to be started.
      if (answer.id === change.id) onDone(answer);
      else navigate(`/changes/${answer.id}`);
    },
  });
  const lacks = needsReason(action, filled) && filled.reason.trim() === "";
  return (
    <Dialog
      title={t(`action.${action}`)}
      onClose={onClose}
      foot={
        <>
          <Button onClick={onClose}>{t("common.cancel")}</Button>
          <Button look="primary" disabled={lacks || act.isPending} onClick={() => act.mutate()}>
            {t(`action.${action}`)}
          </Button>
        </>
      }
    >
      <p>{t(`effect.${action}`)}</p>
      <Concerned asked={asked} change={change} />
      {act.isError && <ErrorNotice error={act.error} />}
      <Inputs action={action} filled={filled} onChange={(news) => setFilled((now) => ({ ...now, ...news }))} />
      {action === "rollback" && <RollbackPreview changeId={change.id} speed={filled.speed} />}
    </Dialog>
  );
}

function Concerned({ asked: { action, batch, target }, change }: { asked: Asked; change: Change }) {
  const { t, said } = useWords();
  if (target !== undefined)
    return <p className="soft">{t("common.pair", { name: t("action.hosts"), value: target.name })}</p>;
  const open = change.groups
    .flatMap(({ batches }) => batches)
    .filter(({ allowedActions }) => allowedActions.includes(action));
  const batches = batch === undefined ? open : [batch];
  if (action !== "confirm" || batches.length === 0) return null;
  return (
    <p className="soft">
      {t("common.pair", {
        name: t("action.batches"),
        value: batches.map(({ name }) => said(name, "batch")).join(", "),
      })}
    </p>
  );
}

interface InputsProps {
  readonly action: ChangeAction;
  readonly filled: Filled;
  readonly onChange: (news: Partial<Filled>) => void;
}

function Inputs({ action, filled, onChange }: InputsProps) {
  const { t } = useWords();
  return (
    <>
      {action === "rollback" && (
        <Choices
          name="speed"
          label={t("action.speed")}
          value={filled.speed}
          options={[
            ["fast", t("action.speed.fast")],
            ["follow", t("action.speed.follow")],
          ]}
          onChange={(speed) => onChange({ speed })}
        />
      )}
      {action === "skip" && (
        <Choices
          name="traffic"
          label={t("action.traffic")}
          value={filled.traffic}
          options={[
            ["leave-detached", t("action.traffic.leave-detached")],
            ["re-attach", t("action.traffic.re-attach")],
          ]}
          onChange={(traffic) => onChange({ traffic })}
        />
      )}
      {action === "start" && (
        <Check text={t("action.window")} on={filled.emergency} onChange={(emergency) => onChange({ emergency })} />
      )}
      {action === "pause" && <Check text={t("action.now")} on={filled.now} onChange={(now) => onChange({ now })} />}
      {needsReason(action, filled) && (
        <Field label={t("action.reason")} hint={t("action.reason.hint")}>
          {(id) => (
            <textarea
              id={id}
              className="input"
              maxLength={1000}
              // biome-ignore lint/a11y/noAutofocus: the dialog was opened to be filled in
              autoFocus
              value={filled.reason}
              onChange={(event) => onChange({ reason: event.target.value })}
            />
          )}
        </Field>
      )}
    </>
  );
}

interface ChoicesProps<Value extends string> {
  readonly name: string;
  readonly label: string;
  readonly value: Value;
  readonly options: readonly (readonly [Value, string])[];
  readonly onChange: (value: Value) => void;
}

function Choices<Value extends string>({ name, label, value, options, onChange }: ChoicesProps<Value>) {
  return (
    <fieldset className="stack tight plain-set">
      <legend className="hidden-text">{label}</legend>
      {options.map(([option, text]) => (
        <label key={option} className="choice">
          <input type="radio" name={name} checked={option === value} onChange={() => onChange(option)} />
          {text}
        </label>
      ))}
    </fieldset>
  );
}

function Check({ text, on, onChange }: { text: string; on: boolean; onChange: (on: boolean) => void }) {
  return (
    <label className="choice">
      <input type="checkbox" checked={on} onChange={(event) => onChange(event.target.checked)} />
      {text}
    </label>
  );
}
