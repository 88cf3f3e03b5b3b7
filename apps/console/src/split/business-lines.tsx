import type { Business } from "@evenkeel/contracts/module";
import { useState } from "react";
import { Button } from "../kit/button.tsx";
import { Card } from "../kit/surface.tsx";
import { wordsIn } from "../kit/words-in.ts";
import { useWords } from "../locale/index.tsx";
import { type LineProps, Lines, Word } from "../traffic/line-fields.tsx";
import { whenOfText, whenText } from "./draft.ts";

interface BusinessLinesProps {
  readonly businesses: readonly Business[];
  readonly onChange: (businesses: readonly Business[]) => void;
}

/** Businesses of the process engine: whom each is for, and which modules take part in it. */
export function BusinessLines({ businesses, onChange }: BusinessLinesProps) {
  const { t } = useWords();
  return (
    <Card title={t("split.businesses")}>
      <fieldset className="rule-part" aria-label={t("split.businesses")}>
        <p className="soft">{t("split.businesses.hint")}</p>
        <Lines lines={businesses} draw={Line} onChange={onChange} />
        <div>
          <Button
            small
            icon="plus"
            onClick={() => onChange([...businesses, { name: "" as never, when: {}, modules: [] }])}
          >
            {t("split.business.add")}
          </Button>
        </div>
      </fieldset>
    </Card>
  );
}

function Line({ line, onEdit, onRemove }: LineProps<Business>) {
  const { t } = useWords();
  return (
    <div className="rule-line">
      <Word
        label={t("split.business.name")}
        value={line.name}
        onChange={(name) => onEdit({ name: name as Business["name"] })}
      />
      <Typed
        label={t("split.business.when")}
        placeholder="tier=gold"
        value={whenText(line.when)}
        read={(text) => whenText(whenOfText(text))}
        onText={(text) => onEdit({ when: whenOfText(text) })}
      />
      <Typed
        label={t("split.business.modules")}
        placeholder={t("split.business.all")}
        value={line.modules.join(", ")}
        read={(text) => namesIn(text).join(", ")}
        onText={(text) => onEdit({ modules: namesIn(text) })}
      />
      <Button small look="quiet" icon="close" aria-label={t("split.business.remove")} onClick={onRemove} />
    </div>
  );
}

const namesIn = (text: string) => wordsIn(text) as Business["modules"];

interface TypedProps {
  readonly label: string;
  readonly placeholder: string;
  readonly value: string;
  /** What a typed text would be shown as. */
  readonly read: (text: string) => string;
  readonly onText: (text: string) => void;
}

/** What is read differently from how it is typed keeps the text as the person typed it. */
function Typed({ label, placeholder, value, read, onText }: TypedProps) {
  const [text, setText] = useState(value);
  const write = (next: string) => {
    setText(next);
    onText(next);
  };
  // Another line may have come into this place.
  return <Word label={label} placeholder={placeholder} value={read(text) === value ? text : value} onChange={write} />;
}
