import type { ChangeAction } from "@evenkeel/contracts/change-state";
import type { ChangeId } from "@evenkeel/contracts/id";

/** What a verb cannot do without. */
const WORDS: Partial<Record<ChangeAction, string>> = {
  confirm: " BATCH",
  skip: " HOST --traffic leave-detached",
  "declare-lost": " STEP --reason WHY",
  rollback: " --speed fast --reason WHY",
  close: " --reason WHY",
  reject: " --reason WHY",
};

/** The command of a verb, ready to be completed; `on` names what stands for the placeholder. */
export function commandOf(action: ChangeAction, changeId: ChangeId, on?: string): string {
  const words = WORDS[action] ?? "";
  return `change ${action} ${changeId}${on === undefined ? words : words.replace(/BATCH|HOST|STEP/, quoted(on))}`;
}

const quoted = (name: string): string => (name.includes(" ") ? `"${name}"` : name);
