import type { Host } from "@evenkeel/contracts/host";
import { HostBadge } from "../list/infrastructure.tsx";
import { useWords } from "../locale/index.tsx";
import type { Operation } from "./wish.ts";

interface HostPickerProps {
  readonly hosts: readonly Host[];
  readonly standing: ReadonlySet<string>;
  readonly operation: Operation;
  readonly chosen: readonly string[];
  readonly onChange: (hosts: string[]) => void;
}

/** Which hosts. To scale, all may be chosen, and each says what the choice would do; else those on which the service stands. */
export function HostPicker({ hosts, standing, operation, chosen, onChange }: HostPickerProps) {
  const { t } = useWords();
  const offered = hosts
    .filter(({ name }) => operation === "scale" || operation === "online" || standing.has(name))
    .toSorted((one, other) => one.name.localeCompare(other.name, "en", { numeric: true }));
  const turn = (name: string, on: boolean) => onChange(on ? [...chosen, name] : chosen.filter((each) => each !== name));
  return (
    <fieldset className="stack tight plain-set">
      <legend className="soft">{t(operation === "scale" ? "operate.scale.hint" : "operate.hosts.hint")}</legend>
      {offered.map(({ id, name, zone, state }) => (
        <label key={id} className="choice">
          <input
            type="checkbox"
            checked={chosen.includes(name)}
            onChange={(event) => turn(name, event.target.checked)}
          />
          <span>{name}</span>
          <span className="faint">{zone}</span>
          <HostBadge state={state} />
          {operation === "scale" && chosen.includes(name) && (
            <strong>{t(standing.has(name) ? "operate.scale.remove" : "operate.scale.add")}</strong>
          )}
        </label>
      ))}
    </fieldset>
  );
}
