import type { Change } from "@evenkeel/contracts/change";
import type { ChangeAction } from "@evenkeel/contracts/change-state";
import { Button } from "../kit/button.tsx";
import type { IconName } from "../kit/icon.tsx";
import { useWords } from "../locale/index.tsx";
import type { Asked } from "./action-body.ts";

const ICONS: Readonly<Record<ChangeAction, IconName>> = {
  start: "play",
  replan: "refresh",
  approve: "check",
  reject: "close",
  pause: "pause",
  resume: "play",
  confirm: "check",
  retry: "refresh",
  skip: "chevron",
  "declare-lost": "warning",
  cancel: "stop",
  rollback: "back",
  close: "lock",
};

/** What one most likely wants comes first, and what ends things last. */
const ORDER: readonly ChangeAction[] = [
  ...(["confirm", "approve", "start", "resume", "retry", "pause", "replan"] as const),
  ...(["reject", "skip", "declare-lost", "rollback", "cancel", "close"] as const),
];
const FIRST: readonly ChangeAction[] = ["confirm", "approve", "start", "resume", "retry"];
const GRAVE: readonly ChangeAction[] = ["cancel", "rollback", "close", "reject"];
/** Of single hosts and steps: they are offered where these stand. */
export const ELSEWHERE: readonly ChangeAction[] = ["skip", "declare-lost"];

export function Actions({ change, onAsk }: { readonly change: Change; readonly onAsk: (asked: Asked) => void }) {
  const { t } = useWords();
  const actions = ORDER.filter((action) => change.allowedActions.includes(action) && !ELSEWHERE.includes(action));
  const first = actions.find((action) => FIRST.includes(action));
  return actions.map((action) => (
    <Button
      key={action}
      icon={ICONS[action]}
      look={action === first ? "primary" : GRAVE.includes(action) ? "danger" : undefined}
      onClick={() => onAsk({ action })}
    >
      {t(`action.${action}`)}
    </Button>
  ));
}
