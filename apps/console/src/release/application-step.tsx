import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { client } from "../connection.ts";
import { Button } from "../kit/button.tsx";
import { Field } from "../kit/field.tsx";
import { ErrorNotice } from "../kit/problem.tsx";
import { useWords } from "../locale/index.tsx";
import { DefinitionFields } from "./definition-fields.tsx";
import { FIRST_DEFINITION, type Wish } from "./wish.ts";

interface ApplicationStepProps {
  readonly workspace: string;
  readonly wish: Wish;
  readonly onChange: (news: Partial<Wish>) => void;
}

/** Which application, and how it runs where that is not known yet. */
export function ApplicationStep({ workspace, wish, onChange }: ApplicationStepProps) {
  const { t } = useWords();
  const applications = useQuery({
    queryKey: ["all applications"],
    queryFn: () => client.listApplications({ query: { limit: 200 } }),
  });
  const services = useQuery({
    queryKey: ["services of", workspace, wish.application],
    queryFn: () => client.listServices({ query: { workspace, application: wish.application } }),
    enabled: wish.application !== "",
  });
  const known = services.data?.items[0];
  const first = services.isSuccess && known === undefined;
  if (first && wish.definition === null) queueMicrotask(() => onChange({ definition: FIRST_DEFINITION }));
  return (
    <div className="stack">
      <Field label={t("release.application")}>
        {(id) => (
          <select
            id={id}
            className="input"
            value={wish.application}
            onChange={(event) => onChange({ application: event.target.value, version: "", definition: null })}
          >
            <option value="">{t("release.choose")}</option>
            {applications.data?.items.map(({ name }) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        )}
      </Field>
      {wish.application === "" && <NewApplication onMade={(application) => onChange({ application })} />}
      {known !== undefined && (
        <label className="choice">
          <input
            type="checkbox"
            checked={wish.definition !== null}
            onChange={(event) => onChange({ definition: event.target.checked ? FIRST_DEFINITION : null })}
          />
          {t("release.redefine")}
        </label>
      )}
      {wish.definition !== null && (
        <DefinitionFields value={wish.definition} onChange={(definition) => onChange({ definition })} />
      )}
    </div>
  );
}

function NewApplication({ onMade }: { readonly onMade: (name: string) => void }) {
  const { t } = useWords();
  const known = useQueryClient();
  const [name, setName] = useState("");
  const make = useMutation({
    mutationFn: () => client.createApplication({ body: { name } }),
    onSuccess: async () => {
      await known.invalidateQueries({ queryKey: ["all applications"] });
      onMade(name);
    },
  });
  return (
    <form
      className="stack tight"
      onSubmit={(event) => {
        event.preventDefault();
        make.mutate();
      }}
    >
      <Field label={t("release.new")} hint={t("release.new.hint")}>
        {(id) => (
          <span className="row">
            <input id={id} className="input" value={name} onChange={(event) => setName(event.target.value)} />
            <Button type="submit" disabled={name === "" || make.isPending}>
              {t("release.make")}
            </Button>
          </span>
        )}
      </Field>
      {make.isError && <ErrorNotice error={make.error} />}
    </form>
  );
}
