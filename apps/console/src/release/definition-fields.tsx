import { useQuery } from "@tanstack/react-query";
import { client } from "../connection.ts";
import { Field } from "../kit/field.tsx";
import { type Key, useWords } from "../locale/index.tsx";
import type { DefinitionWish } from "./wish.ts";

interface DefinitionFieldsProps {
  readonly value: DefinitionWish;
  readonly onChange: (value: DefinitionWish) => void;
}

const FIELDS: readonly {
  name: Exclude<keyof DefinitionWish, "buildpack" | "env">;
  label: Key;
  hint: Key;
  example: string;
}[] = [
  { name: "start", label: "release.start.command", hint: "release.start.hint", example: "node server.js" },
  { name: "healthPath", label: "release.health", hint: "release.health.hint", example: "/healthz" },
  { name: "route", label: "release.route", hint: "release.route.hint", example: "shop.localhost" },
  { name: "hosts", label: "release.hosts", hint: "release.hosts.hint", example: "4" },
];

/** How the application runs: what stands in `evenkeel.yaml` where one has a folder. */
export function DefinitionFields({ value, onChange }: DefinitionFieldsProps) {
  const { t } = useWords();
  const buildpacks = useQuery({
    queryKey: ["all buildpacks"],
    queryFn: () => client.listBuildpacks({ query: { limit: 200 } }),
  });
  const names = [...new Set(buildpacks.data?.items.map(({ name }) => name) ?? [value.buildpack])];
  return (
    <div className="release-fields">
      <Field label={t("page.buildpacks")}>
        {(id) => (
          <select
            id={id}
            className="input"
            value={value.buildpack}
            onChange={(event) => onChange({ ...value, buildpack: event.target.value })}
          >
            {names.map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        )}
      </Field>
      {FIELDS.map(({ name, label, hint, example }) => (
        <Field key={name} label={t(label)} hint={t(hint)}>
          {(id) => (
            <input
              id={id}
              className="input mono"
              placeholder={example}
              value={value[name]}
              onChange={(event) => onChange({ ...value, [name]: event.target.value })}
            />
          )}
        </Field>
      ))}
      <Field label={t("release.env")} hint={t("release.env.hint")}>
        {(id) => (
          <textarea
            id={id}
            className="input mono"
            placeholder="LOG_LEVEL=info"
            value={value.env}
            onChange={(event) => onChange({ ...value, env: event.target.value })}
          />
        )}
      </Field>
    </div>
  );
}
