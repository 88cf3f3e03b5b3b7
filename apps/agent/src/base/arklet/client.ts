import { type ErrorCode, problemOf } from "@evenkeel/contracts/error";
import { z } from "zod";
import { BaseRefusal } from "../base-client.ts";

const MOST_BYTES = 8 * 1024 ** 2;

/** Absent fields are left out there, by some servers null. */
const Envelope = z.object({
  code: z.string(),
  message: z.string().nullish(),
  data: z.unknown().optional(),
  errorStackTrace: z.string().nullish(),
});
const Inner = z.object({ code: z.string().nullish(), message: z.string().nullish() });

/** What a command answered: `code` is the inner one where there is one (`REPEAT_BIZ`, …). */
export interface Answered {
  readonly isSuccess: boolean;
  readonly code: string;
  readonly message: string;
  readonly data: unknown;
  readonly stack: string | null;
}

/** Asks a command of the Arklet HTTP API: POST with a JSON body, answered 200 whatever comes of it. */
export async function askArklet(url: URL, command: string, asked: Asked): Promise<Answered> {
  const body = JSON.stringify(asked.body ?? {});
  const headers = { "content-type": "application/json" };
  const request = { method: "POST", headers, body, signal: asked.signal, redirect: "error" as const };
  const response = await fetch(new URL(command, url), request);
  const text = await readText(response);
  const envelope = Envelope.safeParse(jsonOf(text));
  if (response.status !== 200 || !envelope.success)
    throw refusal("BASE_UNREACHABLE", { problem: `${command} was answered ${response.status} with no envelope` });
  const { code, message, data, errorStackTrace } = envelope.data;
  const inner = Inner.safeParse(data).data;
  return {
    isSuccess: code === "SUCCESS",
    code: code === "FAILED" ? (inner?.code ?? code) : code,
    message: inner?.message ?? message ?? code,
    data,
    stack: errorStackTrace ?? null,
  };
}

interface Asked {
  readonly body?: object;
  readonly signal: AbortSignal;
}

/** As a refusal of a base, in the words of the answer. */
export function refusal(code: ErrorCode, facts: Record<string, unknown>, stack: string | null = null): BaseRefusal {
  return new BaseRefusal({ problem: problemOf(code, facts), stack });
}

export const failed = (command: string, { code, message, stack }: Answered): BaseRefusal =>
  refusal("ARKLET_FAILED", { command, code, problem: message }, stack);

async function readText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > MOST_BYTES) throw refusal("BASE_UNREACHABLE", { problem: `it answers more than ${MOST_BYTES} bytes` });
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
