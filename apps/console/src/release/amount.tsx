import { Field } from "../kit/field.tsx";

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
