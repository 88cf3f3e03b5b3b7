import type { Problem } from "@evenkeel/contracts/error";
import { useState } from "react";
import { Button } from "../kit/button.tsx";
import { useDrop } from "../kit/drop.ts";
import { Field } from "../kit/field.tsx";
import { FileLabel } from "../kit/file-label.tsx";
import { Icon } from "../kit/icon.tsx";
import { bytes } from "../list/bytes.ts";
import { useWords } from "../locale/index.tsx";
import { sentenceOf } from "../locale/problem.ts";
import { countIn, type Pem, pemOf } from "./pem.ts";

/** More than the API takes. */
const MOST_BYTES = 200_000;

interface PemFieldProps {
  readonly part: keyof Pem;
  readonly value: string;
  /** What the platform has against it. */
  readonly refusal: Problem | null;
  /** A text that may hold the other part, too. */
  readonly onText: (text: string) => void;
  readonly onClear: () => void;
}

/** Pasted, chosen or dropped. What was recognised is told by its size alone: a key is not shown again. */
export function PemField({ part, value, refusal, onText, onClear }: PemFieldProps) {
  const { t } = useWords();
  const [wrongFile, setWrongFile] = useState<string | null>(null);
  const count = countIn(part, value);
  const read = async (file: File | undefined) => {
    if (file === undefined) return;
    const text = file.size > MOST_BYTES ? "" : await file.text();
    const found = pemOf(text);
    if (found.chain === "" && found.key === "") return setWrongFile(file.name);
    setWrongFile(null);
    onText(text);
  };
  const { over, handlers } = useDrop((file) => void read(file));
  return (
    <div className={`pem${over ? " over" : ""}`} {...handlers}>
      <Field label={t(`certificate.${part}`)} hint={count === 0 && t(`certificate.${part}.hint`)}>
        {(id) =>
          count > 0 ? (
            <Recognised {...{ id, part, value, count, refusal, onClear }} />
          ) : (
            <textarea
              id={id}
              className="input mono"
              rows={3}
              spellCheck={false}
              autoComplete="off"
              placeholder={part === "chain" ? "-----BEGIN CERTIFICATE-----" : "-----BEGIN PRIVATE KEY-----"}
              aria-invalid={refusal !== null}
              value={value}
              onChange={(event) => onText(event.target.value)}
            />
          )
        }
      </Field>
      {count === 0 && <FileChoice onChoose={(file) => void read(file)} />}
      {wrongFile !== null && count === 0 && (
        <p className="pem-wrong" role="alert">
          {t("certificate.file.wrong", { file: wrongFile })}
        </p>
      )}
      {refusal !== null && <Refused problem={refusal} />}
    </div>
  );
}

interface RecognisedProps extends Pick<PemFieldProps, "part" | "value" | "refusal" | "onClear"> {
  readonly id: string;
  readonly count: number;
}

function Recognised({ id, part, value, count, refusal, onClear }: RecognisedProps) {
  const { t } = useWords();
  return (
    <output id={id} className={`pem-read tone-${refusal === null ? "good" : "bad"}`}>
      <Icon name={refusal === null ? "check" : "cross"} />
      <span className="grow">
        {t(`certificate.${part}.read`, { count })} <span className="faint">{bytes(value.length)}</span>
      </span>
      <Button small look="quiet" onClick={onClear}>
        {t("certificate.replace")}
      </Button>
    </output>
  );
}

function FileChoice({ onChoose }: { readonly onChoose: (file: File | undefined) => void }) {
  const { t } = useWords();
  return (
    <FileLabel className="pem-file" accept=".pem,.crt,.cer,.key,.txt" onFile={onChoose}>
      <span className="button small">
        <Icon name="upload" size={15} />
        {t("certificate.file")}
      </span>
      <span className="faint">{t("certificate.file.drop")}</span>
    </FileLabel>
  );
}

function Refused({ problem }: { readonly problem: Problem }) {
  const words = useWords();
  const { title, remedy } = sentenceOf(problem, words);
  return (
    <p className="pem-wrong" role="alert">
      {title} {remedy} <span className="mono faint">{problem.code}</span>
    </p>
  );
}
