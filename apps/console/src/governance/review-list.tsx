import type { Review } from "@evenkeel/contracts/review";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link, useSearchParams } from "wouter";
import { client } from "../connection.ts";
import { Button } from "../kit/button.tsx";
import { Ago } from "../kit/clock.tsx";
import { Dialog } from "../kit/dialog.tsx";
import { Field, Segments } from "../kit/field.tsx";
import { ErrorNotice } from "../kit/problem.tsx";
import { Said } from "../kit/said.tsx";
import { type Column, ListPage } from "../list/list-page.tsx";
import { useWords } from "../locale/index.tsx";

const COLUMNS: readonly Column<Review>[] = [
  {
    name: "list.title",
    show: ({ changeId, title }) => (
      <Link className="link" href={`/changes/${changeId}`}>
        <Said text={title} />
      </Link>
    ),
  },
  { name: "review.by", show: ({ startedBy }) => startedBy },
  { name: "common.reason", show: ({ reason }) => reason },
  { name: "review.waived", show: ({ waived }) => (waived.length === 0 ? "–" : <Said text={waived.join("; ")} />) },
  { name: "review.at", show: ({ startedAt }) => <Ago at={startedAt} /> },
  { name: "review.said", show: (review) => <Signed review={review} /> },
];

/** What another person has said of it, or the way to say it. */
function Signed({ review: { id, title, note, reviewedBy, reviewedAt } }: { readonly review: Review }) {
  const { t } = useWords();
  const [asked, setAsked] = useState(false);
  if (reviewedBy !== null && reviewedAt !== null) {
    return (
      <span>
        {note} <span className="faint">{reviewedBy}</span> <Ago at={reviewedAt} />
      </span>
    );
  }
  return (
    <>
      <Button small needs="review:create" onClick={() => setAsked(true)}>
        {t("review.sign")}
      </Button>
      {asked && <SignDialog id={id} title={title} onClose={() => setAsked(false)} />}
    </>
  );
}

interface SignDialogProps extends Pick<Review, "id" | "title"> {
  readonly onClose: () => void;
}

function SignDialog({ id, title, onClose }: SignDialogProps) {
  const { t } = useWords();
  const queries = useQueryClient();
  const [note, setNote] = useState("");
  const sign = useMutation({
    mutationFn: () => client.signReview({ params: { reviewId: id }, body: { note } }),
    onSuccess: async () => {
      onClose();
      await queries.invalidateQueries({ queryKey: ["list"] });
    },
  });
  return (
    <Dialog
      title={t("review.sign")}
      onClose={onClose}
      foot={
        <>
          <Button onClick={onClose}>{t("common.cancel")}</Button>
          <Button look="primary" disabled={note.trim() === "" || sign.isPending} onClick={() => sign.mutate()}>
            {t("review.sign")}
          </Button>
        </>
      }
    >
      <p>{t("review.sign.will", { title })}</p>
      {sign.isError && <ErrorNotice error={sign.error} />}
      <Field label={t("review.note")}>
        {(field) => (
          <textarea
            id={field}
            className="input"
            maxLength={2000}
            autoFocus
            value={note}
            onChange={(event) => setNote(event.target.value)}
          />
        )}
      </Field>
    </Dialog>
  );
}

const STATES = ["open", "done", "all"] as const;
type State = (typeof STATES)[number];

/** Starts that passed over rules, and what somebody else says of them. */
export function ReviewList() {
  const { t } = useWords();
  const [search, setSearch] = useSearchParams();
  const state = STATES.find((each) => each === search.get("state")) ?? "open";
  return (
    <ListPage
      title="page.reviews"
      lead={t("review.lead")}
      of={`reviews ${state}`}
      read={(query) => client.listReviews({ query: { state, ...query } })}
      columns={COLUMNS}
      keyOf={({ id }) => id}
      empty={{ icon: "audit", title: "review.none", hint: "review.hint" }}
      actions={
        <Segments<State>
          label={t("common.filter")}
          value={state}
          options={STATES.map((value) => ({ value, label: t(`review.${value}`) }))}
          onChange={(value) => setSearch(value === "open" ? {} : { state: value })}
        />
      }
    />
  );
}
