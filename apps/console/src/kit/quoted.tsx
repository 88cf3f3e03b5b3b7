/** Words between back-ticks are commands and names. */
export function Quoted({ text }: { readonly text: string }) {
  return text.split("`").map((part, index) =>
    index % 2 === 1 ? (
      // biome-ignore lint/suspicious/noArrayIndexKey: parts of one text stay where they are
      <code className="mono quoted" key={index}>
        {part}
      </code>
    ) : (
      part
    ),
  );
}
