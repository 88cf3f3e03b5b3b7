import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { client } from "../connection.ts";
import { Segments } from "../kit/field.tsx";
import { ErrorNotice } from "../kit/problem.tsx";
import { Card, Skeleton } from "../kit/surface.tsx";
import { type Language, useWords } from "../locale/index.tsx";
import { PageHead } from "../shell/page.tsx";
import { chooseTheme, type ThemeChoice, useTheme } from "../shell/theme.ts";

const LANGUAGES: readonly { readonly value: Language; readonly label: string }[] = [
  { value: "en", label: "English" },
  { value: "zh", label: "中文" },
];

/** How this browser shows the console, who one is, and what the platform runs on. */
export function SettingsPage() {
  const { t } = useWords();
  return (
    <>
      <PageHead title={t("page.settings")} lead={t("settings.lead")} />
      <div className="stack">
        <Looks />
        <Account />
        <PlatformFacts />
      </div>
    </>
  );
}

function Looks() {
  const { t, language, setLanguage } = useWords();
  const { chosen } = useTheme();
  return (
    <Card title={t("settings.looks")}>
      <dl className="pairs">
        <Pair name={t("settings.language")}>
          <Segments<Language>
            label={t("settings.language")}
            value={language}
            options={LANGUAGES}
            onChange={setLanguage}
          />
        </Pair>
        <Pair name={t("settings.theme")}>
          <Segments<ThemeChoice>
            label={t("settings.theme")}
            value={chosen}
            options={(["system", "light", "dark"] as const).map((value) => ({
              value,
              label: t(`settings.theme.${value}`),
            }))}
            onChange={chooseTheme}
          />
        </Pair>
        <Pair name={t("settings.zone")}>{Intl.DateTimeFormat().resolvedOptions().timeZone}</Pair>
      </dl>
    </Card>
  );
}

function Account() {
  const { t } = useWords();
  const me = useQuery({ queryKey: ["me"], queryFn: () => client.whoAmI(), staleTime: Number.POSITIVE_INFINITY });
  if (!me.isSuccess) return <Skeleton />;
  const { principal, tenant, may } = me.data;
  return (
    <Card title={t("settings.account")}>
      <dl className="pairs">
        <Pair name={t("token.principal")}>{principal.name}</Pair>
        <Pair name={t("settings.tenant")}>{tenant}</Pair>
        <Pair name={t("token.may")}>
          <span className="mono">{may.join(", ")}</span>
        </Pair>
      </dl>
    </Card>
  );
}

function PlatformFacts() {
  const { t } = useWords();
  const health = useQuery({ queryKey: ["health"], queryFn: () => client.getHealth() });
  const report = useQuery({ queryKey: ["doctor"], queryFn: () => client.getDoctor() });
  if (health.isError) return <ErrorNotice error={health.error} />;
  if (!health.isSuccess) return <Skeleton />;
  return (
    <Card title={t("settings.platform")}>
      <dl className="pairs">
        <Pair name={t("settings.version")}>
          <span className="mono">{health.data.version}</span>
        </Pair>
        {report.isSuccess && (
          <>
            <Pair name="PostgreSQL">
              <span className="mono">{report.data.postgres}</span>
            </Pair>
            <Pair name={t("doctor.replicas")}>
              <span className="mono">{report.data.replicas.join(", ")}</span>
            </Pair>
          </>
        )}
      </dl>
    </Card>
  );
}

function Pair({ name, children }: { readonly name: string; readonly children: ReactNode }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </>
  );
}
