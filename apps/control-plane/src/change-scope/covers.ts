import type { ChangeScope } from "@evenkeel/contracts/change-scope";

/** What a scope is held against. */
export interface ScopedChange {
  readonly workspace: string;
  readonly kind: string;
  /** `level: null` = the application is not known. */
  readonly applications: readonly { readonly name: string; readonly level: number | null }[];
}

const names = <Item>(wanted: readonly Item[] | undefined, item: Item): boolean =>
  wanted === undefined || wanted.includes(item);

/** Says whether a rule of this scope is about the change. */
export function covers(scope: ChangeScope, change: ScopedChange): boolean {
  const { applications, levels } = scope;
  const some =
    (applications === undefined && levels === undefined) ||
    change.applications.some(
      ({ name, level }) =>
        names(applications, name) && (levels === undefined || (level !== null && levels.includes(level))),
    );
  return names(scope.workspaces, change.workspace) && names(scope.kinds, change.kind) && some;
}
