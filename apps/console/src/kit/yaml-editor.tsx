import { useId, useState } from "react";
import { useWords } from "../locale/index.tsx";
import { CopyButton } from "./copy.tsx";
import { Segments } from "./field.tsx";
import { Notice } from "./surface.tsx";

/** How something is written that can be written both ways. */
export type Writing = "form" | "yaml";

interface WritingChoiceProps {
  readonly value: Writing;
  readonly onChange: (value: Writing) => void;
}

export function WritingChoice({ value, onChange }: WritingChoiceProps) {
  const { t } = useWords();
  const options = [
    { value: "form" as const, label: t("rule.form") },
    { value: "yaml" as const, label: "YAML" },
  ];
  return <Segments label={t("release.view")} value={value} options={options} onChange={onChange} />;
}

interface YamlEditorProps {
  readonly label: string;
  /** As it stands when the editor opens. */
  readonly first: string;
  /** Throws where the text cannot be read; what was read last stays then. */
  readonly onText: (text: string) => void;
}

/** What a form says as text, and the other way round. */
export function YamlEditor({ label, first, onText }: YamlEditorProps) {
  const { t, said } = useWords();
  const id = useId();
  const [text, setText] = useState(first);
  const [wrong, setWrong] = useState<string | null>(null);
  const write = (next: string) => {
    setText(next);
    try {
      onText(next);
      setWrong(null);
    } catch (error) {
      setWrong(error instanceof Error ? error.message : String(error));
    }
  };
  return (
    <div className="stack tight">
      <div className="row">
        <label className="grow soft" htmlFor={id}>
          {label}
        </label>
        <CopyButton text={text} />
      </div>
      <textarea
        id={id}
        className="input mono rule-yaml"
        spellCheck={false}
        value={text}
        onChange={(event) => write(event.target.value)}
      />
      {wrong !== null && (
        <Notice tone="warn" title={t("rule.yaml.wrong")}>
          <span className="mono rule-text">{said(wrong)}</span>
        </Notice>
      )}
    </div>
  );
}
