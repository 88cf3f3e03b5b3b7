import { PlatformError } from "@evenkeel/contracts/error";

/** One server-sent event. */
export interface ServerSentEvent {
  readonly id: string;
  readonly event: string;
  readonly data: string;
}

/** A stream that says nothing for this long, not even a comment, is taken for dead. */
export const SILENCE_LIMIT_MS = 30_000;

interface Reading {
  readonly url: string;
  readonly silenceMs?: number;
}

/** Reads the events of a `text/event-stream`; ends with the stream, throws where it is cut or falls silent. */
export async function* readEvents(
  body: ReadableStream<Uint8Array>,
  { url, silenceMs = SILENCE_LIMIT_MS }: Reading,
): AsyncGenerator<ServerSentEvent> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  try {
    for (;;) {
      const { value, done } = await withinSilence(reader, { url, silenceMs });
      if (done) return;
      const blocks = (rest + decoder.decode(value, { stream: true })).replaceAll("\r\n", "\n").split("\n\n");
      rest = blocks.pop() ?? "";
      for (const block of blocks) {
        const event = parseBlock(block);
        if (event !== null) yield event;
      }
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

async function withinSilence(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  { url, silenceMs }: Required<Reading>,
): Promise<{ value?: Uint8Array | undefined; done: boolean }> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const silence = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new PlatformError("CONTROL_PLANE_UNREACHABLE", { url })), silenceMs);
  });
  try {
    return await Promise.race([reader.read(), silence]);
  } finally {
    clearTimeout(timer);
  }
}

/** Null for a block of comments alone. */
function parseBlock(block: string): ServerSentEvent | null {
  const fields = { id: "", event: "message", data: [] as string[] };
  for (const line of block.split("\n")) {
    const [, name, value] = /^([^:]*):? ?(.*)$/.exec(line) ?? [];
    if (name === "data") fields.data.push(value ?? "");
    else if (name === "id" || name === "event") fields[name] = value ?? "";
  }
  return fields.data.length === 0 ? null : { ...fields, data: fields.data.join("\n") };
}
