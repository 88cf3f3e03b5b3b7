import type { Base } from "@evenkeel/contracts/base-cluster";
import type { Words } from "../locale/index.tsx";

/** What a base should hold of a module, and what was found on it. */
export const driftText = ({ t, said }: Words, { module, wanted, found }: Base["drift"][number]): string =>
  t("base.drift.is", { module, wanted: said(wanted, "drift"), found: said(found, "drift") });
