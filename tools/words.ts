import { basename, extname } from "node:path";

interface Rule {
  name: string;
  pattern: RegExp;
  why: string;
}

const TEXT_RULES: readonly Rule[] = [
  {
    name: "machine-path",
    pattern:
      /(?<![\w.@~}/-])\/(?:home\/(?!<|\$|\*)[a-z][\w-]*|Users\/[A-Za-z][\w-]*|root|work|mnt|workspace|builds)\/[\w.-]+/,
    why: "a path of one machine means nothing on another",
  },
  {
    name: "registry-host",
    pattern: /https?:\/\/(?:registry\.|[\w.-]*(?:npmjs\.org|pkg\.dev|jfrog\.io|verdaccio))/,
    why: "people have registries of their own; npm's configuration says which",
  },
  {
    name: "lock-address",
    pattern: /"resolved": "https?:/,
    why: "the lock file pins digests, not download addresses",
  },
  { name: "todo-without-issue", pattern: /\b(?:TODO|FIXME|XXX)\b(?!\(?:? ?\(?#\d)/, why: "a TODO names its issue" },
  { name: "conflict-marker", pattern: /^(?:<{7}|>{7}) /, why: "a merge is not finished" },
];
const NAME_RULE: Rule = {
  name: "filler-name",
  pattern: /(?:^|-)(?:managers?|helpers?|utils?|utilities|common|impl|misc)(?:-|$)/,
  why: "it does not say what is in the file",
};

/** What stands in this file that must not, one line each. */
export function findWords(path: string, text: string): string[] {
  const found: string[] = [];
  const stem = basename(path).slice(0, -extname(path).length || undefined);
  if (NAME_RULE.pattern.test(stem)) found.push(`${path}: ${NAME_RULE.name}: ${NAME_RULE.why}`);
  for (const [index, line] of text.split("\n").entries()) {
    for (const { name, pattern, why } of TEXT_RULES) {
      const hit = pattern.exec(line);
      if (hit) found.push(`${path}:${index + 1}: ${name} ${JSON.stringify(hit[0])}: ${why}`);
    }
  }
  return found;
}
