import type { VerbBody } from "@evenkeel/contracts/change";
import type { Plan } from "@evenkeel/contracts/change-plan";
import { PlatformError } from "@evenkeel/contracts/error";

type Arrangement = NonNullable<VerbBody<"replan">["groups"]>;

/** What a person wants otherwise, in the words of the command line. */
export interface Edits {
  /** `zone a,zone b`: into the first of them. */
  readonly merge?: readonly string[];
  /** `zone b:2` into so many, or `zone b:local-3,local-4` those into one of their own, before the rest. */
  readonly split?: readonly string[];
  /** `local-3:beta`, or `local-3,local-4:zone b`. */
  readonly move?: readonly string[];
}

interface Batch {
  readonly groupId: string;
  readonly batchId: string | null;
  readonly name: string;
  readonly targets: readonly { readonly targetId: string; readonly name: string }[];
}

export type Group = { readonly groupId: string; readonly batches: readonly Omit<Batch, "groupId">[] };

/** The batches of a plan with the names of their hosts. */
export function plannedGroups({ groups, targets }: Plan): Group[] {
  const names = new Map(targets.map(({ targetId, name }) => [targetId, name]));
  return groups.map(({ groupId, batches }) => ({
    groupId,
    batches: batches.map(({ batchId, name, targetIds }) => {
      return {
        batchId,
        name,
        targets: targetIds.map((targetId) => ({ targetId, name: names.get(targetId) ?? targetId })),
      };
    }),
  }));
}

/** The batches after all edits: merged first, then split, then moved; a batch without hosts is gone. */
export function arrange(groups: readonly Group[], edits: Edits): Arrangement {
  let batches: readonly Batch[] = groups.flatMap(({ groupId, batches: its }) =>
    its.map(({ batchId, name, targets }) => ({ groupId, batchId, name, targets })),
  );
  for (const text of edits.merge ?? []) batches = merge(batches, text);
  for (const text of edits.split ?? []) batches = split(batches, text);
  for (const text of edits.move ?? []) batches = move(batches, text);
  const left = batches.filter(({ targets }) => targets.length > 0);
  return groups.map(({ groupId }) => ({
    groupId,
    batches: left
      .filter((batch) => batch.groupId === groupId)
      .map(({ name, targets }) => ({ name, targetIds: targets.map(({ targetId }) => targetId) })),
  }));
}

function invalid(problem: string): PlatformError {
  return new PlatformError("INPUT_INVALID", { problem });
}

const words = (text: string): string[] =>
  text
    .split(",")
    .map((word) => word.trim())
    .filter((word) => word !== "");

/** A batch by name, number or id; where two groups have one of that name, only its id will do. */
function find(batches: readonly Batch[], name: string): Batch {
  const named = batches.filter((batch) => batch.batchId === name || batch.name === name);
  const found = named.length > 0 ? named : batches.filter((_, index) => String(index + 1) === name);
  if (found.length > 1) {
    const matches = found.map(({ batchId, name: of }) => batchId ?? of).join(" or ");
    throw new PlatformError("NAME_AMBIGUOUS", { name, matches });
  }
  if (found[0] === undefined) throw new PlatformError("BATCH_UNKNOWN", { batch: name });
  return found[0];
}

function merge(batches: readonly Batch[], text: string): Batch[] {
  const chosen = [...new Set(words(text).map((name) => find(batches, name)))];
  const [first, ...others] = chosen;
  if (first === undefined || others.length === 0) throw invalid(`--merge ${text}: name two batches or more`);
  if (others.some(({ groupId }) => groupId !== first.groupId))
    throw invalid(`--merge ${text}: they belong to different groups`);
  const targets = chosen.flatMap((batch) => batch.targets);
  return batches.filter((batch) => !others.includes(batch)).map((one) => (one === first ? { ...one, targets } : one));
}

/** What stands before the last colon, and what behind it. */
function halves(option: string, text: string): [before: string, behind: string] {
  const [, before, behind] = /^(.+):([^:]+)$/.exec(text) ?? [];
  if (before === undefined || behind === undefined) throw invalid(`--${option} ${text}: there is no colon in it`);
  return [before.trim(), behind.trim()];
}

function split(batches: readonly Batch[], text: string): Batch[] {
  const [name, how] = halves("split", text);
  const batch = find(batches, name);
  const parts = /^\d+$/.test(how) ? evenly(batch, Number(how)) : apart(batch, words(how));
  if (parts.length < 2 || parts.some((part) => part.length === 0))
    throw invalid(`--split ${text}: ${batch.name} has ${batch.targets.length} hosts, one part would have none`);
  const made = parts.map((targets, index) => ({
    ...{ groupId: batch.groupId, batchId: null, targets },
    name: `${batch.name} (${index + 1})`,
  }));
  return batches.flatMap((one) => (one === batch ? made : [one]));
}

type Targets = Batch["targets"];

function evenly({ targets }: Batch, count: number): Targets[] {
  const at = (index: number) => Math.floor((index * targets.length) / count);
  return Array.from({ length: count }, (_, index) => targets.slice(at(index), at(index + 1)));
}

function apart({ targets }: Batch, names: readonly string[]): Targets[] {
  const chosen = targets.filter(isOneOf(names, targets));
  return [chosen, targets.filter((target) => !chosen.includes(target))];
}

const isCalled = (name: string) => (target: Targets[number]) => target.targetId === name || target.name === name;

function isOneOf(names: readonly string[], targets: Targets): (target: Targets[number]) => boolean {
  for (const name of names) {
    if (!targets.some(isCalled(name))) throw new PlatformError("TARGET_UNKNOWN", { target: name });
  }
  return (target) => names.some((name) => isCalled(name)(target));
}

function move(batches: readonly Batch[], text: string): Batch[] {
  const [hosts, to] = halves("move", text);
  const destination = find(batches, to);
  const all = batches.flatMap((batch) => batch.targets);
  const moves = isOneOf(words(hosts), all);
  return batches.map((batch) => {
    const stay = batch.targets.filter((target) => !moves(target));
    return { ...batch, targets: batch === destination ? [...stay, ...all.filter(moves)] : stay };
  });
}
