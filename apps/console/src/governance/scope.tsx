import type { ChangeScope } from "@evenkeel/contracts/change-scope";
import { useWords } from "../locale/index.tsx";

/** Which changes a rule is about, in words. */
export function ScopeText({ scope: { workspaces, applications, levels, kinds } }: { readonly scope: ChangeScope }) {
  const { t, named } = useWords();
  const parts = [
    kinds?.map((kind) => named("kind", kind)),
    applications && [`${t("list.application")} ${applications.join(", ")}`],
    levels && [`${t("list.level")} ${levels.join(", ")}`],
    workspaces && [`${t("shell.workspace")} ${workspaces.join(", ")}`],
  ].flatMap((part) => part ?? []);
  return parts.length === 0 ? t("admission.every") : parts.join(" · ");
}
