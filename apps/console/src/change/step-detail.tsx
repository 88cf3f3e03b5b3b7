import type { StepOutput, StepView } from "@evenkeel/contracts/change";
import type { ChangeId } from "@evenkeel/contracts/id";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { client } from "../connection.ts";
import { CopyButton } from "../kit/copy.tsx";
import { ProblemNotice } from "../kit/problem.tsx";
import { useWords } from "../locale/index.tsx";
import { Causes } from "./causes.tsx";

interface StepDetailProps {
  readonly changeId: ChangeId;
  readonly step: StepView;
  /** What it has printed since the page was opened. */
  readonly printed: readonly StepOutput[];
  /** It had begun before that. */
  readonly earlier: boolean;
  /** The code of the problem that is shown already. */
  readonly told: string | null;
}

/** What a step ran, how that ended, what it printed, and why it failed. */
export function StepDetail({ changeId, step, printed, earlier, told }: StepDetailProps) {
  const { t, step: stepName } = useWords();
  const { outcome, causes } = step;
  const failed = outcome !== null && outcome.kind !== "succeeded" ? outcome : null;
  const command = outcome?.evidence?.command ?? failed?.problem.facts.command;
  const output = useOutput({ changeId, step, printed, earlier });
  return (
    <section className="stack">
      {failed !== null && failed.problem.code !== told && <ProblemNotice problem={failed.problem} />}
      <Causes causes={causes.filter(({ code }) => code !== failed?.problem.code)} />
      <dl className="pairs">
        {typeof command === "string" && (
          <>
            <dt>{t("target.command")}</dt>
            <dd className="mono">{command}</dd>
          </>
        )}
        {typeof outcome?.exitCode === "number" && (
          <>
            <dt>{t("target.exit")}</dt>
            <dd className="mono">{outcome.exitCode}</dd>
          </>
        )}
      </dl>
      <div className="stack tight">
        <div className="row">
          <h3 className="grow">{t("target.showing", { step: stepName(step.name) })}</h3>
          {output !== "" && <CopyButton text={output} />}
        </div>
        <Output text={output} />
      </div>
    </section>
  );
}

/** What was stored before the page was opened, and what has come since. Of a step that has ended its outcome has it. */
function useOutput({ changeId, step, printed, earlier }: Omit<StepDetailProps, "told">): string {
  const stepId = step.id;
  const before = useQuery({
    queryKey: ["output", changeId, stepId],
    queryFn: () => client.listOutput({ params: { changeId, stepId: stepId! }, query: { limit: 200 } }),
    enabled: stepId !== null && earlier && step.on === "agent",
    staleTime: Number.POSITIVE_INFINITY,
  });
  const pieces = new Map([...(before.data?.items ?? []), ...printed].map((piece) => [piece.sequence, piece.text]));
  const streamed = [...pieces].toSorted(([one], [other]) => one - other).map(([, text]) => text);
  if (streamed.length > 0) return streamed.join("");
  const { head = "", tail = "" } = step.outcome?.output ?? {};
  return [head, tail].filter((part) => part !== "").join("\n");
}

/** Follows its end, unless a person has scrolled up to read. */
function Output({ text }: { readonly text: string }) {
  const { t } = useWords();
  const box = useRef<HTMLPreElement>(null);
  const atEnd = useRef(true);
  // biome-ignore lint/correctness/useExhaustiveDependencies: with each new text
  useEffect(() => {
    const element = box.current;
    if (element !== null && atEnd.current) element.scrollTop = element.scrollHeight;
  }, [text]);
  if (text === "") return <p className="faint">{t("target.output.none")}</p>;
  return (
    <pre
      ref={box}
      className="code output"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
      tabIndex={0}
      onScroll={({ currentTarget: { scrollTop, scrollHeight, clientHeight } }) => {
        atEnd.current = scrollHeight - scrollTop - clientHeight < 24;
      }}
    >
      {text}
    </pre>
  );
}
