import type { Base } from "@evenkeel/contracts/base-cluster";
import { Badge, type Tone } from "../kit/surface.tsx";
import { useWords } from "../locale/index.tsx";

const TONES: Readonly<Record<Base["state"], Tone>> = {
  serving: "good",
  draining: "busy",
  blocked: "bad",
  "must-restart": "bad",
  gone: "warn",
  offline: "bad",
};

export function BaseBadge({ state }: Pick<Base, "state">) {
  const { t } = useWords();
  return <Badge tone={TONES[state]}>{t(`base.${state}`)}</Badge>;
}
