import type { ComponentProps } from "react";

interface FileLabelProps extends Omit<ComponentProps<"label">, "htmlFor"> {
  /** Endings, as `.tar,.zip`. */
  readonly accept: string;
  readonly onFile: (file: File | undefined) => void;
}

/** A place to click that asks for a file. */
export function FileLabel({ accept, onFile, children, ...rest }: FileLabelProps) {
  return (
    <label {...rest}>
      {children}
      <input
        type="file"
        className="hidden-text"
        accept={accept}
        onChange={(event) => onFile(event.target.files?.[0])}
      />
    </label>
  );
}
