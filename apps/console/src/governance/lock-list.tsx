import type { Lock } from "@evenkeel/contracts/change";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link, useLocation } from "wouter";
import { ChangeBadge } from "../change/looks.tsx";
import { client } from "../connection.ts";
import { Button } from "../kit/button.tsx";
import { Ago } from "../kit/clock.tsx";
import { Dialog } from "../kit/dialog.tsx";
import { Field } from "../kit/field.tsx";
import { ErrorNotice } from "../kit/problem.tsx";
import { Said } from "../kit/said.tsx";
import { Notice } from "../kit/surface.tsx";
import { type Column, ListPage } from "../list/list-page.tsx";
import { useWords } from "../locale/index.tsx";

const COLUMNS: readonly Column<Lock>[] = [
  {
    name: "lock.what",
    show: ({ label, resource }) => (
      <span title={resource}>
        <Said text={label} of="label" />
      </span>
    ),
  },
  {
    name: "lock.holder",
    show: ({ changeId, title }) => (
      <Link className="link" href={`/changes/${changeId}`}>
        <Said text={title} />
      </Link>
    ),
  },
  { name: "common.state", show: ({ state }) => <ChangeBadge state={state} /> },
  { name: "common.by", show: ({ holder }) => holder },
  { name: "common.reason", show: ({ reason }) => reason ?? "–" },
  { name: "common.since", show: ({ since }) => <Ago at={since} /> },
];

/** What is held, by whom, since when and why; and how one frees it when nobody else will. */
export function LockList() {
  const { t } = useWords();
  const [taken, setTaken] = useState<Lock | null>(null);
  const columns: readonly Column<Lock>[] = [
    ...COLUMNS,
    {
      name: "lock.take",
      show: (lock) => (
        <Button small look="danger" needs="lock:take-over" onClick={() => setTaken(lock)}>
          {t("lock.take")}
        </Button>
      ),
    },
  ];
  return (
    <>
      <ListPage
        title="page.locks"
        lead={t("lock.lead")}
        of="locks"
        read={(query) => client.listLocks({ query })}
        columns={columns}
        keyOf={({ resource, changeId }) => `${resource} ${changeId}`}
        filters={[{ name: "resource", label: "lock.resource" }]}
        empty={{ icon: "lock", title: "lock.none", hint: "lock.hint" }}
      />
      {taken && <TakeOver lock={taken} onClose={() => setTaken(null)} />}
    </>
  );
}

function TakeOver({ lock, onClose }: { readonly lock: Lock; readonly onClose: () => void }) {
  const { t, said } = useWords();
  const [, navigate] = useLocation();
  const known = useQueryClient();
  const [reason, setReason] = useState("");
  const take = useMutation({
    mutationFn: () => client.takeLockOver({ body: { resource: lock.resource, changeId: lock.changeId, reason } }),
    onSuccess: async ({ id }) => {
      await known.invalidateQueries({ queryKey: ["list", "locks"] });
      onClose();
      navigate(`/changes/${id}`);
    },
  });
  return (
    <Dialog
      title={t("lock.take")}
      onClose={onClose}
      foot={
        <>
          <Button onClick={onClose}>{t("common.cancel")}</Button>
          <Button look="primary" disabled={reason.trim() === "" || take.isPending} onClick={() => take.mutate()}>
            {t("lock.take")}
          </Button>
        </>
      }
    >
      <Notice tone="warn" title={t("lock.take.will", { title: said(lock.title) })}>
        {t("lock.take.left")}
      </Notice>
      {take.isError && <ErrorNotice error={take.error} />}
      <Field label={t("action.reason")} hint={t("action.reason.hint")}>
        {(id) => (
          <textarea id={id} className="input" value={reason} onChange={(event) => setReason(event.target.value)} />
        )}
      </Field>
    </Dialog>
  );
}
