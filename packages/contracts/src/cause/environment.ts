import { firstOf, inOutput, type Rule, type Symptom } from "./rule.ts";

const ANY = "(?<name>[A-Z][A-Z0-9_]{1,80})";
/** Among loose words only what cannot be an abbreviation. */
const NAME = "(?<name>[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)";
const LACKS =
  "(?:(?:is|was) (?:not set|not defined|missing|required|undefined|unset|empty)|(?:must|has to|needs to) be (?:set|defined|given))";
const QUOTE = "['\"`$]?";

const MISSING = [
  new RegExp(`KeyError: ['"]${ANY}['"]`),
  new RegExp(`(?:^|[\\s:])${ANY}: (?:parameter (?:null or )?not set|unbound variable)`),
  new RegExp(`${NAME}${QUOTE}(?: environment variable| env var)? ${LACKS}`),
  new RegExp(`(?:[Ee]nvironment|[Ee]nv) var(?:iable)? ${QUOTE}${ANY}${QUOTE} ${LACKS}`),
  new RegExp(
    `(?:[Mm]issing|[Rr]equired|[Uu]ndefined)(?: required)?(?: environment| env)?(?: variables?| vars?| parameters?)?:? ${QUOTE}${NAME}`,
  ),
  new RegExp(`Could not resolve placeholder ['"]${ANY}['"]`),
];

/** A name in the last words that is set to nothing says more than that the name is there. */
function emptyAndNamed({ lines, evidence }: Symptom) {
  for (const name of evidence.emptyParameters ?? []) {
    const line = lines.findLast((text) => new RegExp(`\\b${name}\\b`).test(text));
    if (line !== undefined) return { line, facts: { name } };
  }
  return null;
}

/** What the application was told, and whom it talks to. */
export const ENVIRONMENT_RULES: readonly Rule[] = [
  {
    code: "PARAMETER_EMPTY",
    certainty: "likely",
    title: "The parameter {name} is set to nothing.",
    remedy: "Give it a value in `env:`, or take it out so that the application's own default holds.",
    find: emptyAndNamed,
  },
  {
    code: "PARAMETER_MISSING",
    certainty: "likely",
    title: "The application asks for {name}, which is not set.",
    remedy: "Set it in `env:` and release again.",
    find: inOutput(...MISSING),
  },
  {
    code: "CLOCK_WRONG",
    certainty: "likely",
    title: "A certificate or token is not valid at the time that this host's clock shows.",
    remedy: "Compare the host's clock: `evenkeel host show`; set it by NTP, or renew the certificate.",
    find: firstOf(
      inOutput(
        /certificate (?:is not yet valid|has expired)|CERT_NOT_YET_VALID|CERT_HAS_EXPIRED|CertificateNotYetValid/i,
        /token used before issued|issued in the future|RequestTimeTooSkewed|clock skew too great/i,
      ),
    ),
  },
  {
    code: "DEPENDENCY_REFUSED",
    certainty: "likely",
    title: "Nothing answers at {place}, which the application connects to.",
    remedy: "Start what it needs, or correct its address.",
    find: inOutput(
      /(?:connect )?ECONNREFUSED (?<place>[\d.:a-f]+:\d+)/,
      /connection to server at "(?<place>[^"]+)".* failed: Connection refused/,
      /dial tcp (?<place>\S+): connect: connection refused/,
      /Connection refused.*?(?<place>[\w.-]+:\d{2,5})/,
      /(?<place>[\w.-]+:\d{2,5}).*Connection refused/,
    ),
  },
  {
    code: "NAME_UNKNOWN",
    certainty: "likely",
    title: "The name {name} cannot be resolved on this host.",
    remedy: "Correct the address, or the host's name service.",
    find: inOutput(
      /getaddrinfo (?:ENOTFOUND|EAI_AGAIN) (?<name>\S+)/,
      /Could not resolve host: (?<name>\S+)/,
      /UnknownHostException: (?<name>\S+)/,
      /lookup (?<name>\S+).*: no such host/,
      /could not translate host name "(?<name>[^"]+)"/,
    ),
  },
  {
    code: "LOGIN_REFUSED",
    certainty: "likely",
    title: "What the application connects to refuses its name or password.",
    remedy: "Correct user and password in `env:`.",
    find: inOutput(
      /password authentication failed for user/i,
      /Access denied for user/,
      /WRONGPASS|NOAUTH Authentication required/,
    ),
  },
  {
    code: "FILE_MISSING",
    certainty: "likely",
    title: "The application asks for the file {file}, which is not there.",
    remedy: "Put it into the package, or correct its path; relative paths begin in the package's folder.",
    find: inOutput(
      /ENOENT: no such file or directory, \w+ ['"](?<file>[^'"]+)['"]/,
      /FileNotFoundError: .* ['"](?<file>[^'"]+)['"]/,
      /FileNotFoundException: (?<file>\S+)/,
      /open (?<file>\S+): no such file or directory/,
      /(?:cat|cp|mv|ls|cd|sh|bash|source|\.): (?:can't (?:open|cd to) |cannot (?:stat|access|open) )?['‘]?(?<file>[^'’:\s]+)['’]?: No such file/,
    ),
  },
  {
    code: "PARAMETER_EMPTY",
    certainty: "possible",
    title: "The parameter {emptyParameters} is set to nothing.",
    remedy: "Give it a value in `env:`, or take it out so that the application's own default holds.",
    find: (symptom) => {
      const { emptyParameters = [] } = symptom.evidence;
      return emptyParameters.length > 0 && emptyAndNamed(symptom) === null ? { facts: { emptyParameters } } : null;
    },
  },
  {
    code: "CLOCK_SKEWED",
    certainty: "possible",
    title: "The clock of this host is {seconds} s away from the control plane's.",
    remedy: "Set it by NTP: certificates and tokens go by it.",
    find: ({ evidence: { clockSkewMs } }) =>
      clockSkewMs === undefined ? null : { facts: { seconds: Math.round(clockSkewMs / 1000) } },
  },
];
