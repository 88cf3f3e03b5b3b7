import { errorRemedy, errorTitle, PlatformError, type Problem, problemOf } from "@evenkeel/contracts/error";
import { useWords } from "../locale/index.tsx";
import { sentenceOf } from "../locale/problem.ts";
import { isLostPart } from "./lost-part.ts";
import { Quoted } from "./quoted.tsx";
import { Notice } from "./surface.tsx";

/** What went wrong, in the person's language: one sentence, what to do, a code. */
export function ProblemNotice({ problem, children }: { problem: Problem; children?: React.ReactNode }) {
  const words = useWords();
  const { title, remedy } = sentenceOf(problem, words);
  return (
    <Notice tone="bad" title={title}>
      <span>
        <Quoted text={remedy} />
      </span>
      <span className="faint mono">{problem.code}</span>
      {children}
    </Notice>
  );
}

/** The same of anything that was thrown. */
export function ErrorNotice({ error, children }: { error: unknown; children?: React.ReactNode }) {
  return <ProblemNotice problem={asProblem(error)}>{children}</ProblemNotice>;
}

export function asProblem(error: unknown): Problem {
  if (error instanceof PlatformError) {
    const { code, facts } = error;
    return { code, facts: { ...facts }, title: errorTitle(code, facts), remedy: errorRemedy(code, facts) };
  }
  if (isLostPart(error)) return problemOf("CONTROL_PLANE_UNREACHABLE", { url: location.origin });
  return problemOf("INTERNAL", { traceId: error instanceof Error ? error.message : String(error) });
}
