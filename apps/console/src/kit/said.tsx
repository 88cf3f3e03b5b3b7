import { useWords } from "../locale/index.tsx";

/** A text of an answer – a title, a label, a warning – in the person's language. `of`: the family that a single word is of. */
export function Said({ text, of }: { readonly text: string; readonly of?: string }) {
  return useWords().said(text, of);
}
