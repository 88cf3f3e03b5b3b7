import { mayDo } from "@evenkeel/contracts/principal";
import { createContext, type ReactNode, use } from "react";
import { useWords } from "../locale/index.tsx";

const Context = createContext<readonly string[]>([]);

/** Below it buttons know what the person may. */
export function MayProvider({ may, children }: { readonly may: readonly string[]; readonly children: ReactNode }) {
  return <Context value={may}>{children}</Context>;
}

/** Why this person may not do what needs this permission, in a sentence; null = he may. */
export function useRefusal(needs: string | undefined): string | null {
  const { t } = useWords();
  const may = use(Context);
  return needs === undefined || mayDo(may, needs) ? null : t("common.may-not", { permission: needs });
}
