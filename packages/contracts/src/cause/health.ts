import { inProblem, type Rule } from "./rule.ts";

const ASKED = ["HEALTH_TIMEOUT", "INSTANCE_UNHEALTHY"];

/** The ways in which a health address can be wrong; the agent asked, so all of it is certain. */
export const HEALTH_RULES: readonly Rule[] = [
  {
    code: "HEALTH_PATH_WRONG",
    certainty: "certain",
    title: "The application answers, but it has no {path}.",
    remedy: "Correct `health: path`, or answer there.",
    find: inProblem(ASKED, "problem", /^(?<path>\S+) answered (?:404|405|410)/),
  },
  {
    code: "HEALTH_WANTS_LOGIN",
    certainty: "certain",
    title: "{path} wants a login before it tells whether the application is well.",
    remedy: "Let the health address answer without one, or choose another.",
    find: inProblem(ASKED, "problem", /^(?<path>\S+) answered (?:401|403|407)/),
  },
  {
    code: "HEALTH_REDIRECTS",
    certainty: "certain",
    title: "{path} leads elsewhere ({status}) instead of answering.",
    remedy: "Name the address that answers itself, or say which status is the right one.",
    find: inProblem(ASKED, "problem", /^(?<path>\S+) answered (?<status>3\d\d)/),
  },
  {
    code: "HEALTH_SAYS_BROKEN",
    certainty: "certain",
    title: "The application runs and says of itself that it is not well: {path} answered {status}.",
    remedy: "See its last output: something that it needs is missing.",
    find: inProblem(ASKED, "problem", /^(?<path>\S+) answered (?<status>5\d\d)/),
  },
  {
    code: "HEALTH_SILENT",
    certainty: "certain",
    title: "The application took the connection and gave no answer in time.",
    remedy: "It hangs, or needs longer at its start: see its last output, raise `health: startSeconds`.",
    find: inProblem(ASKED, "problem", /gave no answer within|no connection within|socket hang up|ECONNRESET/),
  },
  {
    code: "LISTENS_ELSEWHERE",
    certainty: "certain",
    title: "The application listens on {where}, where nobody asks it.",
    remedy: "Let it listen on HOST and PORT from its environment.",
    find: inProblem(ASKED, "problem", /the application listens on (?<where>.+)$/),
  },
  {
    code: "NOT_LISTENING",
    certainty: "certain",
    title: "The application runs, and listens on no port at all.",
    remedy:
      "It hangs before it listens, needs longer, or is no server: see its last output; for no server, leave `health:` to a script.",
    find: inProblem(ASKED, "problem", /^(?:nothing listens on [^;]+|it listens no more|connect ECONNREFUSED.*)$/),
  },
  {
    code: "HEALTH_STATUS_OTHER",
    certainty: "certain",
    title: "{path} answered {status} instead of {wanted}.",
    remedy: "Correct `health: status`, or the answer.",
    find: inProblem(
      ASKED,
      "problem",
      /^(?<path>\S+) answered (?<status>(?!40[13457]|410)[124]\d\d), not (?<wanted>\d+)/,
    ),
  },
];
