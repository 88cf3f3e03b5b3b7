import type { Cause } from "@evenkeel/contracts/cause";
import { Quoted } from "../kit/quoted.tsx";
import { causeOf } from "../locale/cause.ts";
import { useWords } from "../locale/index.tsx";

/** Why something failed, as far as its traces tell. */
export function Causes({ causes }: { readonly causes: readonly Cause[] }) {
  const words = useWords();
  const { t } = words;
  if (causes.length === 0) return null;
  return (
    <ul className="stack tight">
      {causes.map((cause) => {
        const { title, remedy } = causeOf(cause, words);
        return (
          <li key={cause.code} className="stack tight">
            <span>
              <strong>{t("target.cause")}</strong> ({t(`target.cause.${cause.certainty}`)}): {title}
            </span>
            {cause.line !== null && <code className="mono soft">{cause.line}</code>}
            <span className="soft">
              <Quoted text={remedy} />
            </span>
          </li>
        );
      })}
    </ul>
  );
}
