import { useWords } from "../locale/index.tsx";

interface StairsProps {
  /** Percent of the users, step by step. */
  readonly shares: readonly number[];
  /** Some get the new version by what they send, before everybody else. */
  readonly chosen: boolean;
  readonly stay: boolean;
}

/** How many users have the new version after each step. */
export function Stairs({ shares, chosen, stay }: StairsProps) {
  const { t, number } = useWords();
  const whole = shares.filter((share) => share >= 0 && share <= 100);
  if (whole.length === 0) return null;
  return (
    <figure className="stairs-frame">
      <ol className="stairs">
        {chosen && (
          <li>
            <span className="stair chosen" aria-hidden="true" />
            <span className="faint">{t("strategy.gray.chosen")}</span>
          </li>
        )}
        {whole.map((share, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: steps are known by their place
          <li key={index}>
            <span className="stair" aria-hidden="true">
              <span style={{ height: `${share}%` }} />
            </span>
            <span className="number">{number(share)} %</span>
          </li>
        ))}
      </ol>
      <figcaption className="faint">{t(stay ? "strategy.ab.stairs" : "strategy.gray.stairs")}</figcaption>
    </figure>
  );
}
