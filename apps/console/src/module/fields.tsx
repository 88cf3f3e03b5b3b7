import { Field } from "../kit/field.tsx";
import { Text } from "../kit/inputs.tsx";
import { wordsIn } from "../kit/words-in.ts";
import { useWords } from "../locale/index.tsx";

interface ChooseProps {
  readonly label: string;
  readonly value: string;
  readonly options: readonly string[];
  readonly onChange: (value: string) => void;
}

export function Choose({ label, value, options, onChange }: ChooseProps) {
  const { t } = useWords();
  return (
    <Field label={label}>
      {(id) => (
        <select id={id} className="input" value={value} onChange={(event) => onChange(event.target.value)}>
          {!options.includes(value) && <option value={value}>{value === "" ? t("module.choose") : value}</option>}
          {options.map((option) => (
            <option key={option}>{option}</option>
          ))}
        </select>
      )}
    </Field>
  );
}

interface CheckProps {
  readonly checked: boolean;
  readonly label: string;
  readonly hint: string;
  readonly onChange: (checked: boolean) => void;
}

export function Check({ checked, label, hint, onChange }: CheckProps) {
  return (
    <label className="choice">
      <input type="checkbox" checked={checked} onChange={(event) => onChange(event.target.checked)} />
      <span className="stack tight">
        <strong>{label}</strong>
        <span className="soft">{hint}</span>
      </span>
    </label>
  );
}

/** `gray=yes team=cart` */
export function Tags({ value, onChange }: { readonly value: string; readonly onChange: (value: string) => void }) {
  const { t } = useWords();
  const words = { label: t("module.tags"), hint: t("module.tags.hint"), placeholder: "gray=yes" };
  return <Text look="mono" {...words} value={value} onChange={onChange} />;
}

interface BusinessesProps {
  readonly known: readonly string[];
  readonly chosen: readonly string[];
  readonly onChange: (chosen: readonly string[]) => void;
}

/** In which businesses of the process engine something takes part. */
export function Businesses({ known, chosen, onChange }: BusinessesProps) {
  const { t } = useWords();
  return (
    <fieldset className="plain-set stack tight">
      <legend className="label">{t("module.businesses")}</legend>
      <div className="row wrap">
        {known.map((name) => (
          <label key={name} className="row tight">
            <input
              type="checkbox"
              checked={chosen.includes(name)}
              onChange={({ target }) =>
                onChange(target.checked ? [...chosen, name] : chosen.filter((each) => each !== name))
              }
            />
            <span className="mono">{name}</span>
          </label>
        ))}
      </div>
      <span className="faint">{t("module.businesses.hint")}</span>
    </fieldset>
  );
}

/** Tags as a person types them, by comma or space. */
export function tagsOf(text: string): Record<string, string> {
  const pairs = wordsIn(text);
  return Object.fromEntries(
    pairs.map((each) => {
      const equals = each.indexOf("=");
      return equals < 0 ? [each, ""] : [each.slice(0, equals), each.slice(equals + 1)];
    }),
  );
}

/** Tags as they are shown. */
export const tagText = (tags: Readonly<Record<string, string>>): string =>
  Object.entries(tags)
    .map(([name, value]) => (value === "" ? name : `${name}=${value}`))
    .join(" ");
