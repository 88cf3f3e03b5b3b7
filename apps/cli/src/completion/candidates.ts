import type { Argument, Command, Option } from "commander";

/** A word that may stand where the cursor is, and what it does. */
export interface Candidate {
  readonly word: string;
  readonly does: string;
}

/** What fits at the cursor: words of our own, or the names of resources as an argument or option calls them (`service`, `host`). */
export interface Completion {
  readonly candidates: readonly Candidate[];
  readonly names: string | null;
}

/** Decides what may stand in place of the last word (which may be empty), going by the commands before it. */
export function completionOf(program: Command, words: readonly string[]): Completion {
  const last = words.at(-1) ?? "";
  const place = follow(program, words.slice(0, -1));
  const { candidates, names } =
    place.pending === null || last.startsWith("-") ? ofPlace(place, last) : ofOption(place.pending);
  return { candidates: candidates.filter(({ word }) => word.startsWith(last)), names };
}

interface Place {
  readonly path: readonly Command[];
  readonly given: ReadonlySet<Option>;
  /** Arguments before the cursor. */
  readonly positionals: number;
  /** The option whose value stands at the cursor. */
  readonly pending: Option | null;
}

function follow(program: Command, words: readonly string[]): Place {
  let place: Place = { path: [program], given: new Set(), positionals: 0, pending: null };
  for (const word of words) place = word.startsWith("-") ? afterOption(place, word) : afterWord(place, word);
  return place;
}

function afterOption(place: Place, word: string): Place {
  const option = optionOf(place.path, word);
  if (option === undefined) return { ...place, pending: null };
  const pending = option.required && !word.includes("=") ? option : null;
  return { ...place, given: new Set([...place.given, option]), pending };
}

function afterWord(place: Place, word: string): Place {
  // An option that takes several values goes on until the next option.
  if (place.pending !== null) return place.pending.variadic ? place : { ...place, pending: null };
  const command = place.path.at(-1)?.commands.find((each) => each.name() === word || each.aliases().includes(word));
  if (command === undefined) return { ...place, positionals: place.positionals + 1 };
  return { ...place, path: [...place.path, command], positionals: 0 };
}

function optionOf(path: readonly Command[], word: string): Option | undefined {
  const flag = word.split("=")[0] ?? word;
  return path.flatMap(({ options }) => options).find(({ short, long }) => short === flag || long === flag);
}

function ofPlace({ path, given, positionals }: Place, last: string): Completion {
  const command = path.at(-1) as Command;
  if (last.startsWith("-")) {
    const options = path.flatMap((each) => each.options).filter((each) => !given.has(each) || each.variadic);
    const candidates = options.filter(({ hidden, long }) => !hidden && long).map(wordOf);
    return { candidates: [...candidates, { word: "--help", does: "what it does and takes" }], names: null };
  }
  if (positionals === 0 && command.commands.length > 0) {
    const candidates = command.createHelp().visibleCommands(command);
    return { candidates: candidates.map((each) => ({ word: each.name(), does: each.description() })), names: null };
  }
  const { registeredArguments } = command;
  const argument = registeredArguments[positionals] ?? registeredArguments.findLast(({ variadic }) => variadic);
  return argument === undefined ? NOTHING : ofArgument(argument);
}

const NOTHING: Completion = { candidates: [], names: null };

const wordOf = ({ long, description }: Option): Candidate => ({ word: long ?? "", does: description });

function ofOption(option: Option): Completion {
  const called = /<(\w+)/.exec(option.flags)?.[1] ?? "name";
  // `--workspace <name>` says by the option whose name it is.
  return { ...ofChoices(option.argChoices), names: called === "name" ? option.attributeName() : called };
}

const ofArgument = (argument: Argument): Completion => ({ ...ofChoices(argument.argChoices), names: argument.name() });

function ofChoices(choices: readonly string[] = []): { candidates: readonly Candidate[] } {
  return { candidates: choices.map((word) => ({ word, does: "" })) };
}
