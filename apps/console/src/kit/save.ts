interface Saved {
  readonly name: string;
  readonly type: string;
  readonly text: string;
}

/** Gives the person a file. */
export function saveFile({ name, type, text }: Saved): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: `${type};charset=utf-8` }));
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}
