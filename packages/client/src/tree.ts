import type { Change, ChangeTreeEvent, TargetView } from "@evenkeel/contracts/change";
import type { TargetState } from "@evenkeel/contracts/change-state";

/** A change as a watcher keeps it: its frame, and all of its targets that he has been told of. */
export interface Tree {
  /** Without targets in its batches. */
  readonly change: Change;
  readonly targets: ReadonlyMap<string, TargetView & { readonly batchId: string }>;
  /** Of more targets than there are details of. */
  readonly states: ReadonlyMap<string, TargetState>;
}

/** The tree of a change as it was read whole. */
export function treeOf(change: Change): Tree {
  const targets = targetsIn(change);
  return {
    change: withoutTargets(change),
    targets: new Map(targets.map((target) => [target.targetId, target])),
    states: new Map(targets.map(({ targetId, state }) => [targetId, state])),
  };
}

/** The tree after an event; what the event does not tell of stays as it was. */
export function mergeTree(tree: Tree, event: Extract<ChangeTreeEvent, { kind: "tree" }>): Tree {
  // After a reconnect the same may come again, and never something older.
  if (event.change.sequence < tree.change.sequence) return tree;
  const states = new Map([...tree.states, ...Object.entries(event.states)]);
  const targets = new Map(tree.targets);
  for (const [targetId, state] of Object.entries(event.states)) {
    const known = targets.get(targetId);
    if (known !== undefined) targets.set(targetId, { ...known, state });
  }
  for (const target of targetsIn(event.change)) targets.set(target.targetId, target);
  return { change: withoutTargets(event.change), targets, states };
}

/** More targets of it, read page by page; what an event has told since is newer. */
export function addTargets(tree: Tree, found: readonly (TargetView & { readonly batchId: string })[]): Tree {
  const targets = new Map(tree.targets);
  const states = new Map(tree.states);
  for (const target of found) {
    if (targets.has(target.targetId)) continue;
    const state = states.get(target.targetId) ?? target.state;
    targets.set(target.targetId, { ...target, state });
    states.set(target.targetId, state);
  }
  return { ...tree, targets, states };
}

/** The change with all targets that were told of, each in its batch. */
export function changeOf({ change, targets }: Tree): Change {
  const byBatch = Map.groupBy(targets.values(), ({ batchId }) => batchId);
  const groups = change.groups.map((group) => ({
    ...group,
    batches: group.batches.map((batch) => ({
      ...batch,
      targets: (byBatch.get(batch.batchId) ?? []).map(({ batchId: _, ...target }) => target),
    })),
  }));
  return { ...change, groups };
}

function targetsIn({ groups }: Change) {
  return groups.flatMap(({ batches }) =>
    batches.flatMap(({ batchId, targets }) => targets.map((target) => ({ ...target, batchId }))),
  );
}

function withoutTargets(change: Change): Change {
  const groups = change.groups.map((group) => ({
    ...group,
    batches: group.batches.map((batch) => ({ ...batch, targets: [] })),
  }));
  return { ...change, groups };
}
