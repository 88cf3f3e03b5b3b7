import type { RuleMatch } from "@evenkeel/contracts/traffic-rule";
import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { client } from "../connection.ts";
import { Button } from "../kit/button.tsx";
import { Field } from "../kit/field.tsx";
import { ErrorNotice } from "../kit/problem.tsx";
import { Badge, Card } from "../kit/surface.tsx";
import { useWorkspace } from "../live/workspace.tsx";
import { useWords } from "../locale/index.tsx";
import { Choose } from "../module/fields.tsx";

interface TryRequestProps {
  readonly workspace: string;
  /** The service of the rule that one is looking at. */
  readonly service?: string;
}

const FIRST = { service: "", method: "GET", path: "/", headers: "", body: "", source: "" };
type Wish = typeof FIRST;

/** Which rules a request would meet now, and where it would go: asked of those who decide it. */
export function TryRequest({ workspace, service = "" }: TryRequestProps) {
  const { t } = useWords();
  const { standing } = useWorkspace();
  const [wish, setWish] = useState<Wish>({ ...FIRST, service });
  const asked = useMutation({
    mutationFn: (given: Wish) => match(workspace, given),
  });
  const field = (name: keyof Wish, label: string, placeholder = "") => (
    <Field label={label}>
      {(id) => (
        <input
          id={id}
          className="input mono"
          placeholder={placeholder}
          value={wish[name]}
          onChange={(event) => setWish({ ...wish, [name]: event.target.value })}
        />
      )}
    </Field>
  );
  const submit = (event: FormEvent) => {
    event.preventDefault();
    asked.mutate(wish);
  };
  return (
    <Card title={t("try.title")}>
      <form className="try" onSubmit={submit}>
        <Choose
          label={t("chart.service")}
          value={wish.service}
          options={standing?.services.map(({ name }) => name) ?? []}
          onChange={(next) => setWish({ ...wish, service: next })}
        />
        <Choose
          label={t("try.method")}
          value={wish.method}
          options={["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"]}
          onChange={(method) => setWish({ ...wish, method })}
        />
        {field("path", t("list.path"))}
        {field("headers", t("try.headers"), "x-user: ann")}
        {field("body", t("try.body"), '{"customer":{"tier":"gold"}}')}
        {field("source", t("try.source"), "127.0.0.1")}
        <Button type="submit" icon="search" disabled={wish.service === "" || asked.isPending}>
          {t("try.go")}
        </Button>
      </form>
      {asked.isError && <ErrorNotice error={asked.error} />}
      {asked.isSuccess && <Answer match={asked.data} />}
    </Card>
  );
}

function match(workspace: string, { service, method, path, headers, source, body }: Wish): Promise<RuleMatch> {
  const request = { method, path, headers: headersOf(headers), body, ...(source === "" ? {} : { source }) };
  return client.matchTrafficRules({ body: { workspace, service, request } as never });
}

/** `x-user: ann, x-gray: yes` */
function headersOf(text: string): Record<string, string> {
  const lines = text.split(/[\n,]/).filter((line) => line.includes(":"));
  return Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf(":")).trim(), line.slice(line.indexOf(":") + 1).trim()]),
  );
}

const byName = new Intl.Collator("en", { numeric: true }).compare;

function Answer({ match: { rules, sentBy, lane, cell, instances } }: { readonly match: RuleMatch }) {
  const { t } = useWords();
  const versions = [...Map.groupBy(instances, ({ version }) => version)];
  return (
    <div className="try-answer" role="status">
      <dl className="pairs">
        <dt>{t("try.rules")}</dt>
        <dd className="row tight wrap">
          {rules.length === 0 && t("try.rules.none")}
          {rules.map((rule) => (
            <Badge key={rule} plain tone={rule === sentBy ? "good" : "idle"}>
              {rule}
            </Badge>
          ))}
        </dd>
        <dt>{t("try.sent")}</dt>
        <dd>{sentBy ?? t("try.sent.none")}</dd>
        {lane !== null && (
          <>
            <dt>{t("rule.lane")}</dt>
            <dd className="mono">{lane}</dd>
          </>
        )}
        {cell !== null && (
          <>
            <dt>{t("rule.place.cell")}</dt>
            <dd className="mono">{cell}</dd>
          </>
        )}
        <dt>{t("try.instances")}</dt>
        <dd>
          {instances.length === 0 && <Badge tone="bad">{t("try.nobody")}</Badge>}
          {versions.map(([version, its]) => (
            <p key={version}>
              <strong className="mono">{version}</strong>{" "}
              <span className="soft">
                {its
                  .map(({ host }) => host as string)
                  .sort(byName)
                  .join(", ")}
              </span>
            </p>
          ))}
        </dd>
      </dl>
    </div>
  );
}
