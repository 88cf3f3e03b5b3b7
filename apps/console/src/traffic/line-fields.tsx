import type { ComponentType } from "react";
import { useWords } from "../locale/index.tsx";
import type { Draft } from "./draft.ts";

/** A part of the rule that is written line by line. */
export interface PartProps {
  readonly draft: Draft;
  readonly onChange: (draft: Draft) => void;
}

/** One line, and what is done to it. */
export interface LineProps<Line> {
  readonly line: Line;
  readonly onEdit: (news: Partial<Line>) => void;
  readonly onRemove: () => void;
}

interface LinesProps<Line> {
  readonly lines: readonly Line[];
  readonly draw: ComponentType<LineProps<Line>>;
  readonly onChange: (next: readonly Line[]) => void;
}

/** All lines of a part, each edited and removed in its place. */
export function Lines<Line>({ lines, draw: Draw, onChange }: LinesProps<Line>) {
  return lines.map((line, index) => (
    <Draw
      // biome-ignore lint/suspicious/noArrayIndexKey: lines are known by their place
      key={index}
      line={line}
      onEdit={(news) => onChange(lines.map((each, at) => (at === index ? { ...each, ...news } : each)))}
      onRemove={() => onChange(lines.filter((_, at) => at !== index))}
    />
  ));
}

interface ChoiceProps<Value extends string> {
  readonly label: string;
  readonly value: Value;
  readonly options: readonly Value[];
  readonly prefix: string;
  readonly onChange: (value: Value) => void;
}

/** One of a few, on a line. */
export function Choice<Value extends string>({ label, value, options, prefix, onChange }: ChoiceProps<Value>) {
  const { named } = useWords();
  return (
    <select
      className="input"
      aria-label={label}
      value={value}
      onChange={(event) => onChange(options.find((each) => each === event.target.value) ?? value)}
    >
      {options.map((option) => (
        <option key={option} value={option}>
          {named(prefix, option)}
        </option>
      ))}
    </select>
  );
}

interface WordProps {
  readonly label: string;
  readonly value: string;
  readonly placeholder?: string;
  readonly narrow?: boolean;
  readonly onChange: (value: string) => void;
}

/** A word on a line; its name is its placeholder too. */
export function Word({ label, value, placeholder = label, narrow = false, onChange }: WordProps) {
  return (
    <input
      className={`input mono${narrow ? " narrow" : ""}`}
      aria-label={label}
      placeholder={placeholder}
      value={value}
      onChange={(event) => onChange(event.target.value)}
    />
  );
}
