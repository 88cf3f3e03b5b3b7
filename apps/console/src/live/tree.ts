import { addTargets, mergeTree, type Tree, treeOf } from "@evenkeel/client/tree";
import type { Change, StepOutput, TargetView } from "@evenkeel/contracts/change";
import type { ChangeId, StepId } from "@evenkeel/contracts/id";
import { useRef, useState } from "react";
import { client } from "../connection.ts";
import { useWhileVisible } from "./visible.ts";
import { useWorkspace } from "./workspace.tsx";

/** A change as a page shows it, live. */
export interface LiveTree {
  readonly tree: Tree | null;
  /** What steps have printed since the page was opened. */
  readonly printed: ReadonlyMap<StepId, readonly StepOutput[]>;
  /** The steps that had begun by then: what they printed before must be asked for. Of all others the stream has told everything. */
  readonly begun: ReadonlySet<StepId>;
  readonly error: unknown;
  /** What a verb answered is newer than what the stream has told. */
  take(change: Change): void;
}

const MOST_PIECES = 500;

/** Reads a change and follows it. Who asks is keyed by the change. */
export function useTree(changeId: ChangeId): LiveTree {
  const [state, setState] = useState<Omit<LiveTree, "take">>(nothing);
  const last = useRef("");
  const { links } = useWorkspace();
  const update = (next: (now: typeof state) => Partial<typeof state>) => setState((now) => ({ ...now, ...next(now) }));
  useWhileVisible(
    async (signal) => {
      try {
        if (last.current === "") {
          const change = await client.getChange({ params: { changeId }, signal });
          last.current = String(change.sequence);
          update(() => ({ tree: treeOf(change), begun: stepsOf(targetsOf(change)), error: null }));
          const add = (found: readonly Found[]) =>
            update(({ tree, begun }) =>
              tree === null ? {} : { tree: addTargets(tree, found), begun: new Set([...begun, ...stepsOf(found)]) },
            );
          void readOthers(change, signal, add);
        }
        for await (const event of client.watchChangeTree(changeId, { signal, after: last.current })) {
          if (event.kind === "output") update(({ printed }) => ({ printed: withPiece(printed, event) }));
          else {
            last.current = String(event.change.sequence);
            update(({ tree }) => ({ tree: tree === null ? treeOf(event.change) : mergeTree(tree, event) }));
          }
        }
      } catch (error) {
        if (!signal.aborted) update(() => ({ error }));
      }
      // What has failed is tried again once the control plane is back.
    },
    state.error === null ? changeId : `${changeId} ${links}`,
  );
  const take = (change: Change) =>
    update(({ tree }) => (tree === null ? {} : { tree: mergeTree(tree, { kind: "tree", change, states: {} }) }));
  return { ...state, take };
}

const nothing = {
  tree: null as Tree | null,
  printed: new Map<StepId, readonly StepOutput[]>(),
  begun: new Set<StepId>() as ReadonlySet<StepId>,
  error: null as unknown,
};

type Found = TargetView & { readonly batchId: string };

const targetsOf = ({ groups }: Change): TargetView[] =>
  groups.flatMap(({ batches }) => batches.flatMap(({ targets }) => targets));

const stepsOf = (targets: readonly TargetView[]): ReadonlySet<StepId> =>
  new Set(targets.flatMap(({ steps }) => steps.flatMap(({ id }) => id ?? [])));

/** Of a large change the targets that were not in its tree, page by page. */
async function readOthers(change: Change, signal: AbortSignal, add: (found: readonly Found[]) => void): Promise<void> {
  if (targetsOf(change).length >= change.targets.total) return;
  let cursor: string | null = null;
  do {
    const query = { limit: 200, ...(cursor === null ? {} : { cursor }) };
    const page = await client.listChangeTargets({ params: { changeId: change.id }, query, signal });
    add(page.items);
    cursor = page.nextCursor;
  } while (cursor !== null);
}

function withPiece(
  printed: LiveTree["printed"],
  { stepId, sequence, at, text }: StepOutput,
): ReadonlyMap<StepId, readonly StepOutput[]> {
  const known = printed.get(stepId) ?? [];
  // After a reconnect the same may come again.
  if (known.some((piece) => piece.sequence === sequence)) return printed;
  return new Map(printed).set(stepId, [...known.slice(-MOST_PIECES), { stepId, sequence, at, text }]);
}
