import type { Cause } from "@evenkeel/contracts/cause";
import type { Words } from "./index.tsx";
import { CAUSES } from "./zh/causes.ts";

/** Title and remedy of a cause; what it names – a file, a port – stands in the line of the output. */
export function causeOf(
  { code, title, remedy }: Cause,
  { language }: Pick<Words, "language">,
): { readonly title: string; readonly remedy: string } {
  const chinese = language === "zh" ? CAUSES[code] : undefined;
  return chinese === undefined ? { title, remedy } : { title: chinese[0], remedy: chinese[1] };
}
