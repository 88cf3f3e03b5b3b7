import { type IncomingMessage, request } from "node:http";
import { createInterface } from "node:readline";
import { buffer } from "node:stream/consumers";
import {
  BASE_OPERATIONS,
  BASE_PATH,
  BaseFailure,
  type BaseInput,
  type BaseOperation,
  BaseReport,
  type BaseResult,
  WATCH_PATH,
} from "@evenkeel/contracts/base-protocol";
import { problemOf } from "@evenkeel/contracts/error";

/** What a base has refused, in its own words. */
export class BaseRefusal extends Error {
  readonly failure: BaseFailure;

  constructor(failure: BaseFailure) {
    super(failure.problem.title);
    this.failure = failure;
  }
}

/** Asks one operation of the base that listens on this socket. */
export async function askBase<Operation extends BaseOperation>(
  socketPath: string,
  operation: Operation,
  { input, signal }: { readonly input: BaseInput<Operation>; readonly signal: AbortSignal },
): Promise<BaseResult<Operation>> {
  const body = JSON.stringify(input);
  const response = await send(socketPath, { method: "POST", path: `${BASE_PATH}/${operation}`, body, signal });
  const answer: unknown = JSON.parse((await buffer(response)).toString("utf8"));
  if (response.statusCode === 200) return BASE_OPERATIONS[operation].result.parse(answer) as BaseResult<Operation>;
  throw new BaseRefusal(BaseFailure.safeParse(answer).data ?? strange(response));
}

/** Hears of every alteration of the base until it ends; throws where nobody listens. */
export async function watchBase(
  socketPath: string,
  { hear, signal }: { hear(report: BaseReport): void; readonly signal: AbortSignal },
): Promise<void> {
  const response = await send(socketPath, { method: "GET", path: WATCH_PATH, signal });
  try {
    for await (const line of createInterface({ input: response })) hear(BaseReport.parse(JSON.parse(line)));
  } finally {
    response.destroy();
  }
}

interface Sent {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly body?: string;
  readonly signal: AbortSignal;
}

function send(socketPath: string, { method, path, body, signal }: Sent): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const headers = { "content-type": "application/json" };
    const sent = request({ socketPath, method, path, headers, signal, agent: false }, resolve);
    sent.once("error", reject);
    sent.end(body);
  });
}

const strange = ({ statusCode }: IncomingMessage): BaseFailure => ({
  problem: problemOf("BASE_UNREACHABLE", { problem: `it answered ${statusCode} with no reason` }),
  stack: null,
});
