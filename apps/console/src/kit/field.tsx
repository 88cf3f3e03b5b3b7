import { type ReactNode, useEffect, useId } from "react";

interface FieldProps {
  readonly label: ReactNode;
  readonly hint?: ReactNode;
  readonly children: (id: string) => ReactNode;
}

/** A labelled input; the hint belongs to it for those who hear the page. */
export function Field({ label, hint, children }: FieldProps) {
  const id = useId();
  const told = Boolean(hint);
  // Whatever the control is made of, it has this id.
  useEffect(() => {
    const control = document.getElementById(id);
    if (told) control?.setAttribute("aria-describedby", `${id}-hint`);
    else control?.removeAttribute("aria-describedby");
  });
  return (
    <div className="field">
      <label className="label" htmlFor={id}>
        {label}
      </label>
      {children(id)}
      {hint && (
        <span className="hint" id={`${id}-hint`}>
          {hint}
        </span>
      )}
    </div>
  );
}

interface SegmentsProps<Value extends string> {
  readonly label: string;
  readonly value: Value;
  readonly options: readonly { readonly value: Value; readonly label: ReactNode }[];
  readonly onChange: (value: Value) => void;
}

/** A few choices, all in sight. */
export function Segments<Value extends string>({ label, value, options, onChange }: SegmentsProps<Value>) {
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset cannot be laid out in a line everywhere
    <div className="segments" role="group" aria-label={label}>
      {options.map((option) => (
        <button
          type="button"
          key={option.value}
          aria-pressed={option.value === value}
          onClick={() => onChange(option.value)}
        >
          {option.label}
        </button>
      ))}
    </div>
  );
}
