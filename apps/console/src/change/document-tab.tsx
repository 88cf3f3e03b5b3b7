import type { Change } from "@evenkeel/contracts/change";
import { stringify } from "yaml";
import { CopyButton } from "../kit/copy.tsx";
import { Card } from "../kit/surface.tsx";
import { useWords } from "../locale/index.tsx";

/** What was asked for, as YAML that the API takes again. */
export function DocumentTab({ change }: { readonly change: Change }) {
  const { t } = useWords();
  const text = stringify({ kind: change.kind, spec: change.spec });
  return (
    <Card title={t("change.document")} aside={<CopyButton text={text} />}>
      <pre className="code">{text}</pre>
    </Card>
  );
}
