import { ChangeScope } from "@evenkeel/contracts/change-scope";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { client } from "../connection.ts";
import { Button } from "../kit/button.tsx";
import { Dialog } from "../kit/dialog.tsx";
import { Field } from "../kit/field.tsx";
import { onlyNew } from "../kit/only-new.ts";
import { ErrorNotice } from "../kit/problem.tsx";
import { useWorkspace } from "../live/workspace.tsx";
import { useWords } from "../locale/index.tsx";

/** Local time as the field and the API have it: `2026-12-24T18:00`. */
function localTime(ms: number): string {
  const offsetMs = new Date(ms).getTimezoneOffset() * 60_000;
  return new Date(ms - offsetMs).toISOString().slice(0, 16);
}

/** From when to when nothing begins in this workspace. */
export function FreezeDialog({ onClose }: { readonly onClose: () => void }) {
  const { t } = useWords();
  const { name: workspace } = useWorkspace();
  const known = useQueryClient();
  const [name, setName] = useState("freeze");
  const [start, setStart] = useState(() => localTime(Date.now()));
  const [end, setEnd] = useState(() => localTime(Date.now() + 86_400_000));
  const [reason, setReason] = useState("");
  const timeZone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const set = useMutation({
    mutationFn: async () => {
      const params = { window: name };
      await onlyNew(`window ${name}`, () => client.getWindow({ params }));
      const scope = ChangeScope.parse({ workspaces: [workspace] });
      await client.setWindow({
        params,
        body: { kind: "freeze", scope, timeZone, start, end, recurrence: null, reason },
      });
    },
    onSuccess: async () => {
      await known.invalidateQueries({ queryKey: ["list", "windows"] });
      onClose();
    },
  });
  return (
    <Dialog
      title={t("window.freeze.new")}
      onClose={onClose}
      foot={
        <>
          <Button onClick={onClose}>{t("common.cancel")}</Button>
          <Button look="primary" disabled={set.isPending || start >= end} onClick={() => set.mutate()}>
            {t("window.freeze.set")}
          </Button>
        </>
      }
    >
      <p>{t("window.freeze.will", { workspace })}</p>
      {set.isError && <ErrorNotice error={set.error} />}
      <Text label={t("common.name")} value={name} onChange={setName} />
      <Text label={t("window.from")} hint={timeZone} type="datetime-local" value={start} onChange={setStart} />
      <Text label={t("window.to")} type="datetime-local" value={end} onChange={setEnd} />
      <Text label={t("action.reason")} value={reason} onChange={setReason} />
    </Dialog>
  );
}

interface TextProps {
  readonly label: string;
  readonly hint?: string;
  readonly type?: "text" | "datetime-local";
  readonly value: string;
  readonly onChange: (value: string) => void;
}

function Text({ label, hint, type = "text", value, onChange }: TextProps) {
  return (
    <Field label={label} hint={hint}>
      {(id) => (
        <input id={id} className="input" type={type} value={value} onChange={(event) => onChange(event.target.value)} />
      )}
    </Field>
  );
}
