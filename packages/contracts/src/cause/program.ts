import { ENDED, firstOf, inEvidence, inOutput, type Rule } from "./rule.ts";

/** The program, its interpreter and what it is made of. */
export const PROGRAM_RULES: readonly Rule[] = [
  {
    code: "WRONG_ARCHITECTURE",
    certainty: "certain",
    title: "{program} was built for another architecture than this host's.",
    remedy: "Build it for the host's architecture, or release it to hosts of its own.",
    find: firstOf(
      ({ evidence: { otherArchitecture } }) =>
        otherArchitecture === undefined ? null : { facts: { program: otherArchitecture } },
      inOutput(/(?<program>[^\s:]+): (?:1: )?(?:Exec format error|cannot execute binary file)/i),
    ),
  },
  {
    code: "CARRIAGE_RETURN",
    certainty: "certain",
    title: "A script has Windows line ends (CRLF).",
    remedy: "Save it with LF line ends and pack it again.",
    find: inOutput(
      /\$'\\r'/,
      /\^M: /,
      /bad interpreter: [^:]*\r/,
      /\b(?:sh|bash|python3?|node|ruby|perl|env)(?:\r|\\r)['"’:]/,
    ),
  },
  {
    code: "CARRIAGE_RETURN_IN_CONFIGURATION",
    certainty: "likely",
    title: "A value ends with an invisible carriage return: a file of configuration has Windows line ends (CRLF).",
    remedy: "Save the file with LF line ends and pack it again.",
    find: inOutput(/[^\\\s]\\r['"`’]/, /[^\s]\r['"`’)\]]/),
  },
  {
    code: "INTERPRETER_MISSING",
    certainty: "certain",
    title: "{interpreter} is not on this host, and a script of the package asks for it in its first line.",
    remedy: "Install it on the host, use a buildpack that brings it, or correct the first line.",
    find: firstOf(
      ({ evidence: { missingInterpreter } }) =>
        missingInterpreter === undefined ? null : { facts: { interpreter: missingInterpreter } },
      inOutput(
        /(?<interpreter>\/\S+): bad interpreter/,
        /env: ['‘](?<interpreter>[^'’\\\r]+)['’]: No such file or directory/,
      ),
    ),
  },
  {
    code: "NOT_EXECUTABLE",
    certainty: "certain",
    title: "{file} is not executable.",
    remedy: "Give it the right before packing (`chmod +x`), or start it through its interpreter.",
    find: ({ evidence: { notExecutable } }) =>
      notExecutable === undefined ? null : { facts: { file: notExecutable } },
  },
  {
    code: "LIBRARY_MISSING",
    certainty: "likely",
    title: "The program needs a library that this host does not have: {library}.",
    remedy: "Install it on the host, or build the program against what the host has.",
    find: inOutput(
      /error while loading shared libraries: (?<library>[^:]+):/,
      /(?<library>version [`']GLIBC[^']*' not found)/,
      /(?<library>UnsatisfiedLinkError: .*)/,
    ),
  },
  {
    code: "MODULE_MISSING",
    certainty: "likely",
    title: "The application asks for {module}, which the package does not hold.",
    remedy: "Install the dependencies before packing, or in the buildpack's `setup`.",
    find: inOutput(
      /Cannot find (?:module|package) ['"](?<module>[^'"]+)['"]/,
      /(?:ModuleNotFoundError|ImportError): No module named ['"](?<module>[^'"]+)['"]/,
      /(?:ClassNotFoundException|NoClassDefFoundError): (?<module>\S+)/,
      /Could not find or load main class (?<module>\S+)/,
      /Unable to access jarfile (?<module>\S+)/,
    ),
  },
  {
    code: "RUNTIME_TOO_OLD",
    certainty: "likely",
    title: "The program was built for a newer runtime than this host has.",
    remedy: "Install the newer runtime, or build for the one that is there.",
    find: inOutput(
      /UnsupportedClassVersionError/,
      /requires (?:a )?(?:node|python|java|php|ruby)\S* version/i,
      /The engine "node" is incompatible/,
    ),
  },
  {
    code: "COMMAND_NOT_FOUND",
    certainty: "likely",
    title: "The command {name} was not found on this host.",
    remedy: "Check its name; install it on the host, or put it into the package.",
    find: firstOf(
      inOutput(
        /(?:^|[\s/])(?:ba|da|z|k|a)?sh: (?:line )?(?:\d+: )?(?:exec: )?(?<name>[^\s:]+): (?:command )?not found/,
        /^[^\s:]+: (?:line )?\d+: (?:exec: )?(?<name>[^\s:]+): (?:command )?not found/,
        /spawn (?<name>\S+) ENOENT/,
        /exec: "(?<name>[^"]+)": executable file not found/,
      ),
      (symptom) =>
        symptom.exitCode === 127 && ENDED.includes(symptom.problem.code)
          ? { facts: { name: symptom.evidence.command ?? symptom.problem.facts.command } }
          : null,
    ),
  },
  {
    code: "SYNTAX_ERROR",
    certainty: "likely",
    title: "The code cannot be read: a syntax error.",
    remedy: "Correct it; try the package where it is built.",
    find: inOutput(/^(?:\w+\.)?(?:SyntaxError|IndentationError): /, /: Syntax error: /i, /PHP Parse error/),
  },
  {
    code: "CARRIAGE_RETURN_IN_CONFIGURATION",
    certainty: "possible",
    title:
      "{carriageReturns} in the package has Windows line ends (CRLF): each value may end with an invisible character.",
    remedy: "Save it with LF line ends and pack it again.",
    find: inEvidence("carriageReturns"),
  },
  {
    code: "WRONG_ENCODING",
    certainty: "possible",
    title: "{wrongEncodings} in the package is not UTF-8.",
    remedy: "Save it as UTF-8 without a byte order mark and pack it again.",
    find: inEvidence("wrongEncodings"),
  },
];
