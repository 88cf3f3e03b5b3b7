import { useState } from "react";
import { useWords } from "../locale/index.tsx";
import { Button } from "./button.tsx";

/** Copies a text; browsers allow that on pages that came by https or from this machine, elsewhere the text is selected. */
export function CopyButton({ text, label }: { readonly text: string; readonly label?: string }) {
  const { t } = useWords();
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    await navigator.clipboard?.writeText(text).catch(() => undefined);
    setCopied(true);
    setTimeout(() => setCopied(false), 1500);
  };
  return (
    <Button small look="quiet" icon={copied ? "check" : "copy"} onClick={() => void copy()}>
      {copied ? t("common.copied") : (label ?? t("common.copy"))}
    </Button>
  );
}
