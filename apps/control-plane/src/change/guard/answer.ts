import { CheckAnswer } from "@evenkeel/contracts/guard";
import { say } from "@evenkeel/contracts/phrase";

/** What came back over HTTP. */
export interface Reply {
  readonly url: string;
  readonly status: number;
  readonly location: string | null;
  readonly body: string;
}

/** What it means: only a plain word is an answer; everything else is asked again until the deadline. */
export type Answer =
  | { readonly kind: "passed" | "failed"; readonly text: string }
  | { readonly kind: "pending"; readonly text: string; readonly statusUrl: string | null }
  | { readonly kind: "none"; readonly text: string };

/** Whether the operator lets guards ask this address; `*.name` stands for every host below it. */
export function mayBeAsked(url: string, hosts: readonly string[] | null): boolean {
  const { hostname } = new URL(url);
  return hosts?.some((host) => (host.startsWith("*.") ? hostname.endsWith(host.slice(1)) : hostname === host)) ?? true;
}

/** Reads a reply: 200 or 204 without a body passes, 202 or `pending` is asked again, a body says `passed` or `failed`. */
export function readAnswer(reply: Reply): Answer {
  const { status, body } = reply;
  if (status !== 200 && status !== 202 && status !== 204)
    return { kind: "none", text: say("verdict.answered", { status }) };
  const said = body.trim() === "" ? undefined : parse(body);
  if (said === null) return { kind: "none", text: say("verdict.answered-other") };
  if (status === 202 || said?.status === "pending") return pending(reply, said);
  if (said === undefined) return { kind: "passed", text: say("verdict.answered", { status }) };
  return { kind: said.status, text: said.reason ?? `it answered ${said.status}` };
}

function pending({ url, location }: Reply, said: CheckAnswer | undefined): Answer {
  const text = said?.reason ?? say("verdict.unanswered");
  const named = said?.statusUrl ?? location;
  if (named === null || named === undefined) return { kind: "pending", text, statusUrl: null };
  const statusUrl = URL.parse(named, url);
  // Whoever may be asked was chosen by the one who wrote the guard, not by the one who answers.
  if (statusUrl?.origin !== new URL(url).origin)
    return { kind: "none", text: say("verdict.elsewhere", { url: named }) };
  return { kind: "pending", text, statusUrl: statusUrl.href };
}

function parse(body: string): CheckAnswer | null {
  try {
    return CheckAnswer.parse(JSON.parse(body));
  } catch {
    return null;
  }
}
