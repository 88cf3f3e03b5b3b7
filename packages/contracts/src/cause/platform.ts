import { inProblem, type Rule, type Symptom } from "./rule.ts";

const PROMPT = /(?:\[y\/n\]|\(yes\/no\)|password(?: for \S+)?: *$|\? *$|press (?:enter|any key))/i;

/** The shell's own word about its end is none of the script's. */
function lastWords({ lines }: Symptom): string {
  const said = lines.map((line) => line.replace(/(?:Terminated|Killed)\s*$/, "")).filter((line) => line.trim() !== "");
  return said.at(-1) ?? "";
}

/** Where the way to the host, the bits or the time given are to blame. */
export const PLATFORM_RULES: readonly Rule[] = [
  {
    code: "WAITS_FOR_INPUT",
    certainty: "likely",
    title: "The script asks a question, and nobody is there to answer.",
    remedy: "Give it the option that answers beforehand, e.g. `--yes`.",
    find: (symptom) => {
      const line = lastWords(symptom);
      return symptom.problem.code === "SCRIPT_TIMEOUT" && PROMPT.test(line) ? { line } : null;
    },
  },
  {
    code: "SCRIPT_HANGS",
    certainty: "certain",
    title: "The script had not ended after {seconds} s; its last words are below.",
    remedy: "See where it stands; raise its limit if it only needs longer.",
    find: (symptom) => {
      const line = lastWords(symptom);
      if (symptom.problem.code !== "SCRIPT_TIMEOUT" || PROMPT.test(line)) return null;
      return { facts: symptom.problem.facts, ...(line !== "" && { line }) };
    },
  },
  {
    code: "AGENT_GONE",
    certainty: "certain",
    title: "The host's agent is away: nobody knows how far the step came.",
    remedy:
      "Start the agent or the host; it tells the outcome itself. If it never returns: `evenkeel change declare-lost`.",
    find: inProblem(["HOST_LOST", "HOSTS_OFFLINE"]),
  },
  {
    code: "HOST_RESTARTED",
    certainty: "certain",
    title: "The host went down in the middle of the step.",
    remedy: "Look what the step left behind, then retry or skip the target.",
    find: inProblem(["HOST_RESTARTED"]),
  },
  {
    code: "CUT_OFF",
    certainty: "certain",
    title: "The step was cut off from outside before it ended.",
    remedy: "Look at the host's log for what ended it; then retry or skip the target.",
    find: inProblem(["STEP_INTERRUPTED"]),
  },
  {
    code: "PACKAGE_UNREADABLE",
    certainty: "certain",
    title: "The package cannot be read on the host.",
    remedy: "Retry: it is fetched again; if it stays so, pack and upload it again.",
    find: inProblem(["OBJECT_CORRUPT", "PACKAGE_UNREADABLE", "PACKAGE_CORRUPT", "PACKAGE_INVALID"]),
  },
];
