import { Amount, Text } from "../kit/inputs.tsx";
import { useWords } from "../locale/index.tsx";
import { Conditions } from "../traffic/condition-lines.tsx";
import "../traffic/traffic.css";
import { Stairs } from "./stairs.tsx";
import { type GrayWish, sharesOf } from "./wish.ts";

interface GrayFieldsProps {
  readonly value: GrayWish;
  readonly onChange: (value: GrayWish) => void;
}

/** Which users get the new version, by which shares and by what they send; side by side with the old one, if it stays so. */
export function GrayFields({ value, onChange }: GrayFieldsProps) {
  const { t } = useWords();
  const set = (news: Partial<GrayWish>) => onChange({ ...value, ...news });
  const { steps, key, lane, stay, match } = value;
  return (
    <div className="stack">
      <div className="release-fields">
        {stay ? (
          <Amount
            label={t("strategy.ab.share")}
            hint={t("strategy.ab.share.hint")}
            value={Number(steps) || 0}
            onChange={(share) => set({ steps: String(share) })}
          />
        ) : (
          <Text
            look="number"
            label={t("strategy.steps")}
            hint={t("strategy.gray.steps.hint")}
            placeholder="1, 5, 20, 50, 100"
            value={steps}
            onChange={(typed) => set({ steps: typed })}
          />
        )}
        <Text
          look="mono"
          label={t("rule.key")}
          hint={t("rule.key.hint")}
          placeholder="cookie uid, header x-user"
          value={key}
          onChange={(typed) => set({ key: typed })}
        />
        <Text
          look="mono"
          label={t("rule.lane")}
          hint={t("strategy.gray.lane.hint")}
          placeholder="gray"
          value={lane}
          onChange={(typed) => set({ lane: typed })}
        />
      </div>
      <Conditions
        legend={t("strategy.gray.match")}
        everybody={t("strategy.gray.match.hint")}
        draft={match}
        onChange={(next) => set({ match: next })}
      />
      <Stairs shares={sharesOf(steps)} chosen={Array.isArray(match.match) && match.match.length > 0} stay={stay} />
    </div>
  );
}
