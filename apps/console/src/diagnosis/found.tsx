import type { Finding } from "@evenkeel/contracts/change";
import { type ChangeAction, ChangeAction as Verb } from "@evenkeel/contracts/change-state";
import type { ReactNode } from "react";
import { Link } from "wouter";
import { Causes } from "../change/causes.tsx";
import { Ago } from "../kit/clock.tsx";
import { CopyButton } from "../kit/copy.tsx";
import { Quoted } from "../kit/quoted.tsx";
import { Badge, Notice, type Tone } from "../kit/surface.tsx";
import { useWords } from "../locale/index.tsx";
import { sentenceOf } from "../locale/problem.ts";

const TONES: Readonly<Record<Finding["severity"], Tone>> = { error: "bad", warning: "warn", note: "idle" };

/** One thing that is wrong: what, why, and what frees it – as a button where a page does it, and always as a command. */
export function Found({ finding }: { readonly finding: Finding }) {
  const words = useWords();
  const { t } = words;
  const { title, remedy } = sentenceOf(finding.problem, words);
  return (
    <Notice
      tone={TONES[finding.severity]}
      title={title}
      aside={<Badge tone={TONES[finding.severity]}>{t(`doctor.${finding.severity}`)}</Badge>}
    >
      <span>
        <Quoted text={remedy} />
      </span>
      <Causes causes={finding.causes ?? []} />
      {finding.actions.map((action) => (
        <Remedy key={action} action={action} />
      ))}
      <span className="faint">
        <span className="mono">{finding.problem.code}</span> · {finding.resource}
        {(finding.about ?? []).map((id) => (
          <Subject key={id} id={id} />
        ))}
        {finding.since !== null && (
          <>
            {" · "}
            <Ago at={finding.since} />
          </>
        )}
      </span>
    </Notice>
  );
}

function Remedy({ action }: { readonly action: string }) {
  const command = action.startsWith("evenkeel ") ? action : `evenkeel ${action}`;
  return (
    <span className="row tight remedy">
      <Here action={action} />
      <code className="mono">{command}</code>
      <CopyButton text={command} />
    </span>
  );
}

/** The page that does the same. */
function Here({ action }: { readonly action: string }): ReactNode {
  const { t } = useWords();
  const [, verb, id] = /^change ([a-z-]+) (chg_\w+)/.exec(action) ?? [];
  if (verb === undefined || id === undefined) return null;
  const known = Verb.safeParse(verb);
  return (
    <Link className="button small" href={`/changes/${id}${known.success ? `?ask=${known.data}` : ""}`}>
      {known.success ? t(`action.${known.data satisfies ChangeAction}`) : t("change.open")}
    </Link>
  );
}

const PAGES = { svc: "services", host: "hosts", chg: "changes" } as const;

/** What the finding is about, one click away. */
function Subject({ id }: { readonly id: string }) {
  const { t } = useWords();
  const kind = id.slice(0, id.indexOf("_"));
  if (!(kind in PAGES)) return null;
  const noun = kind as keyof typeof PAGES;
  return (
    <>
      {" · "}
      <Link className="link" href={`/${PAGES[noun]}/${id}`}>
        {t(`diagnosis.to.${noun}`)}
      </Link>
    </>
  );
}
