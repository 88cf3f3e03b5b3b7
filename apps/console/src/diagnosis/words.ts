import type { DiagnosisWords } from "@evenkeel/client/text/diagnosis";
import { causeOf } from "../locale/cause.ts";
import type { Words } from "../locale/index.tsx";
import { sentenceOf } from "../locale/problem.ts";

/** The words of a report in the person's language. */
export function reportWords(words: Words): DiagnosisWords {
  const { t, named } = words;
  return {
    part: (part) => t(`diagnosis.part.${part}`),
    verdict: (verdict) => t(`diagnosis.${verdict}`),
    fact: (name) => named("diagnosis.fact", name),
    series: (name) => t(`diagnosis.series.${name}`),
    problem: (problem) => sentenceOf(problem, words),
    title: (title) => words.said(title),
    state: (kind, state) => named(kind, state),
    cause: (cause) => causeOf(cause, words),
  };
}
