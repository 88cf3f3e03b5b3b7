import type { Workspace } from "@evenkeel/contracts/workspace";

const STORED = "evenkeel.workspace";

/** The workspace of a page: the one in its address, else the one that was looked at last, else any. Null until it is known which there are. */
export function workspaceAt(path: string, workspaces: readonly Workspace[] | null): string | null {
  const named = /^\/w\/([^/]+)/.exec(path)?.[1];
  if (named !== undefined) return named;
  const remembered = localStorage.getItem(STORED);
  // Most likely it is still there, and what it shows can be asked for at once.
  if (workspaces === null) return remembered;
  const known = (name: string | null) => workspaces.find((workspace) => workspace.name === name)?.name;
  return known(remembered) ?? known("local") ?? workspaces[0]?.name ?? "local";
}

export function rememberWorkspace(name: string): void {
  localStorage.setItem(STORED, name);
}
