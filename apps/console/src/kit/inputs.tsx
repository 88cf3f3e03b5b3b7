import { Field } from "./field.tsx";

interface AmountProps {
  readonly label: string;
  readonly hint?: string;
  readonly value: number;
  readonly least?: number;
  readonly onChange: (value: number) => void;
}

/** A number that is not below its least. */
export function Amount({ label, hint, value, least = 0, onChange }: AmountProps) {
  return (
    <Field label={label} hint={hint}>
      {(id) => (
        <input
          id={id}
          className="input number"
          type="number"
          min={least}
          value={value}
          onChange={(event) => onChange(Math.max(least, event.target.valueAsNumber || 0))}
        />
      )}
    </Field>
  );
}

interface TextProps {
  readonly label: string;
  readonly hint?: string;
  readonly look: "mono" | "number";
  readonly placeholder: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
}

/** A line of text that is written as code or figures. */
export function Text({ label, hint, look, placeholder, value, onChange }: TextProps) {
  return (
    <Field label={label} hint={hint}>
      {(id) => (
        <input
          id={id}
          className={`input ${look}`}
          placeholder={placeholder}
          value={value}
          onChange={(event) => onChange(event.target.value)}
        />
      )}
    </Field>
  );
}
