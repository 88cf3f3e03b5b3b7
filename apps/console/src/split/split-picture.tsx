import type { SplitRule } from "@evenkeel/contracts/module";
import { COLOURS } from "../kit/chart.tsx";
import { useWords } from "../locale/index.tsx";
import { tagText } from "../module/fields.tsx";
import { partsOf, whensOf } from "./draft.ts";

/** Rules in their order: the first that fits decides, so what comes later gets what is left. */
export function SplitPicture({ rules }: { readonly rules: readonly SplitRule[] }) {
  const { t } = useWords();
  const colourOf = coloursOf(rules);
  return (
    <ol className="split-picture">
      {rules.map((rule, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: rules are known by their place
        <li key={index} className="split-row">
          <span className="stack split-whom">
            <strong className="cut mono">{rule.on.name || "…"}</strong>
            <Whom rule={rule} />
          </span>
          <Shares rule={rule} colourOf={colourOf} />
        </li>
      ))}
      <li className="split-row">
        <span className="soft split-whom">{t(rules.length === 0 ? "split.everybody" : "split.rest")}</span>
        <span className="soft">{t("split.newest")}</span>
      </li>
    </ol>
  );
}

function Whom({ rule }: { readonly rule: SplitRule }) {
  const { t } = useWords();
  const lines = whensOf(rule);
  if (lines.length === 0) return <span className="soft">{t("split.all")}</span>;
  return lines.map(({ when, name, equals }) => (
    <span key={when} className="soft mono rule-text">
      {`${t(`split.when.${when}`)} ${name === "" ? "" : `${name} `}= ${equals}`}
    </span>
  ));
}

interface SharesProps {
  readonly rule: SplitRule;
  readonly colourOf: (name: string) => string;
}

function Shares({ rule, colourOf }: SharesProps) {
  const { t, number } = useWords();
  const parts = partsOf(rule);
  const shown = rule.to.map((target, index) => ({ name: nameOf(target), part: parts[index] ?? 0 }));
  return (
    <span className="stack split-shares">
      <span
        className="split-bar"
        role="img"
        aria-label={shown.map(({ name, part }) => `${name} ${number(100 * part)} %`).join(", ")}
      >
        {shown.map(({ name, part }, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: destinations are known by their place
          <span key={index} style={{ flexGrow: part, background: colourOf(name) }} />
        ))}
      </span>
      <span className="row wrap tight number" aria-hidden="true">
        {shown.map(({ name, part }, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: as above
          <span key={index} className="row tight split-part">
            <span className="chart-key" style={{ background: colourOf(name) }} />
            <span className="mono">{name}</span> {`${number(100 * part)} %`}
          </span>
        ))}
      </span>
      {rule.stickyBy !== undefined && (
        <span className="faint">
          {t("split.same", { by: `${t(`split.sticky.${rule.stickyBy}`)} ${rule.stickyOn}`.trim() })}
        </span>
      )}
    </span>
  );
}

const nameOf = ({ version, tags }: SplitRule["to"][number]): string =>
  [version, tagText(tags)].filter((each) => each !== undefined && each !== "").join(" ") || "*";

/** One colour a destination, in all rules. */
function coloursOf(rules: readonly SplitRule[]): (name: string) => string {
  const names = [...new Set(rules.flatMap(({ to }) => to.map(nameOf)))].sort();
  return (name) => COLOURS[names.indexOf(name) % COLOURS.length] ?? COLOURS[0];
}
