import { type Api, api } from "@evenkeel/contracts/api";
import { type Change, ChangeEvent, ChangeTreeEvent, type VerbBody } from "@evenkeel/contracts/change";
import { type ChangeAction, isTerminal } from "@evenkeel/contracts/change-state";
import type { BodyInputOf, Endpoint, ParamsOf, QueryInputOf, ReplyOf } from "@evenkeel/contracts/endpoint";
import { VersionSample } from "@evenkeel/contracts/gateway-protocol";
import { HostEvent } from "@evenkeel/contracts/host";
import type { ChangeId, HostId, ServiceId } from "@evenkeel/contracts/id";
import { WorkspaceEvent } from "@evenkeel/contracts/overview";
import { LogLine } from "@evenkeel/contracts/service";
import { TopologyEvent } from "@evenkeel/contracts/topology";
import { type Caller, type CallerOptions, createCaller, type RawInput } from "./call.ts";
import { readEvents } from "./event-stream.ts";
import { follow } from "./follow.ts";
import { type LiveOptions, live } from "./live.ts";

type Part<Name extends string, Value> = [Value] extends [undefined]
  ? { readonly [Key in Name]?: undefined }
  : Partial<Value> extends Value
    ? { readonly [Key in Name]?: Value }
    : { readonly [Key in Name]: Value };

type BodyPart<E> = E extends { bodyKind: "raw" }
  ? { readonly body: Uint8Array<ArrayBuffer> }
  : Part<"body", BodyInputOf<E>>;

/** What a call of this endpoint takes. */
export type CallInput<E> = Part<"params", ParamsOf<E>> &
  Part<"query", QueryInputOf<E>> &
  BodyPart<E> & { readonly signal?: AbortSignal; readonly timeoutMs?: number };

/** One operation as a function. */
export type Call<E> =
  Partial<CallInput<E>> extends CallInput<E>
    ? (input?: CallInput<E>) => Promise<ReplyOf<E>>
    : (input: CallInput<E>) => Promise<ReplyOf<E>>;

type StreamName =
  | "watchChange"
  | "watchChangeTree"
  | "watchWorkspace"
  | "watchTopology"
  | "watchSamples"
  | "watchHost"
  | "readLogs"
  | "getObject"
  | "getBackup";

interface Streams {
  /** The events of a change from `after` on, each once and in order, over restarts and from replica to replica, until it is terminal. */
  watchChange(changeId: ChangeId, options?: { after?: number; signal?: AbortSignal }): AsyncIterable<ChangeEvent>;
  /** A live picture of a change for `mergeTree`, over cuts, until it is terminal. */
  watchChangeTree(changeId: ChangeId, options?: LiveOptions): AsyncIterable<ChangeTreeEvent>;
  /** How a workspace stands and what moves there, over cuts, until the signal. */
  watchWorkspace(workspace: string, options?: LiveOptions): AsyncIterable<WorkspaceEvent>;
  /** A workspace as nodes and traffic, for `mergeTopology`, over cuts, until the signal. */
  watchTopology(workspace: string, options?: LiveOptions): AsyncIterable<TopologyEvent>;
  /** The traffic of a service by version, second by second, over cuts, until the signal. */
  watchSamples(serviceId: ServiceId, options?: LiveOptions): AsyncIterable<readonly VersionSample[]>;
  /** How a host stands and what it uses, over cuts, until the signal. */
  watchHost(hostId: HostId, options?: LiveOptions): AsyncIterable<HostEvent>;
  /** Lines of the instances of a service; with `follow` until the signal. */
  readLogs(
    serviceId: ServiceId,
    options?: QueryInputOf<Api["readLogs"]> & { signal?: AbortSignal },
  ): AsyncIterable<LogLine>;
  /** The bytes of a backup. */
  getBackup(options?: { signal?: AbortSignal }): Promise<ReadableStream<Uint8Array>>;
  /** One verb of a change, chosen at run time. */
  act<Action extends ChangeAction>(changeId: ChangeId, action: Action, body: VerbBody<Action>): Promise<Change>;
}

/** Every operation of the API, typed by its endpoint. */
export type Client = { readonly [Name in Exclude<keyof Api, StreamName>]: Call<Api[Name]> } & Streams;

const VERBS = {
  start: "startChange",
  replan: "replanChange",
  approve: "approveChange",
  reject: "rejectChange",
  pause: "pauseChange",
  resume: "resumeChange",
  confirm: "confirmChange",
  retry: "retryChange",
  skip: "skipChange",
  "declare-lost": "declareLostChange",
  cancel: "cancelChange",
  rollback: "rollbackChange",
  close: "closeChange",
} as const satisfies Record<ChangeAction, keyof Api>;

/** Makes a client of one installation. */
export function createClient(options: CallerOptions): Client {
  const caller = createCaller(options);
  const calls = Object.fromEntries(
    Object.entries(api).map(([name, endpoint]) => [
      name,
      (input: RawInput = {}) => caller.call(endpoint as Endpoint, input),
    ]),
  );
  // The loop above makes exactly the functions that the mapped type lists; the compiler cannot follow it.
  return { ...calls, ...streams(caller) } as unknown as Client;
}

type LiveName = "watchChangeTree" | "watchWorkspace" | "watchTopology" | "watchSamples" | "watchHost";

function liveStreams(caller: Caller): Pick<Streams, LiveName> {
  const opener =
    (endpoint: Endpoint, params: Record<string, string>, signal?: AbortSignal) =>
    (last: string): Promise<ReadableStream<Uint8Array>> =>
      caller.open(endpoint, {
        params,
        headers: last === "" ? {} : { "last-event-id": last },
        ...(signal === undefined ? {} : { signal }),
      });
  return {
    watchChangeTree: (changeId, options = {}) =>
      live({
        ...options,
        open: opener(api.watchChangeTree, { changeId }, options.signal),
        parse: (data) => ChangeTreeEvent.parse(JSON.parse(data)),
        isLast: (event) => event.kind === "tree" && isTerminal(event.change.state),
      }),
    watchWorkspace: (workspace, options = {}) =>
      live({
        ...options,
        open: opener(api.watchWorkspace, { workspace }, options.signal),
        parse: (data) => WorkspaceEvent.parse(JSON.parse(data)),
      }),
    watchTopology: (workspace, options = {}) =>
      live({
        ...options,
        open: opener(api.watchTopology, { workspace }, options.signal),
        parse: (data) => TopologyEvent.parse(JSON.parse(data)),
      }),
    watchSamples: (serviceId, options = {}) =>
      live({
        ...options,
        open: opener(api.watchSamples, { serviceId }, options.signal),
        parse: (data) => VersionSample.array().parse(JSON.parse(data)),
      }),
    watchHost: (hostId, options = {}) =>
      live({
        ...options,
        open: opener(api.watchHost, { hostId }, options.signal),
        parse: (data) => HostEvent.parse(JSON.parse(data)),
      }),
  };
}

function streams(caller: Caller): Streams {
  const call = (name: keyof Api, input: RawInput) => caller.call(api[name] as Endpoint, input);
  return {
    watchChange(changeId, { after = 0, signal } = {}) {
      return follow({
        after,
        signal,
        open: (last) =>
          caller.open(api.watchChange, {
            params: { changeId },
            headers: { "last-event-id": String(last) },
            ...(signal === undefined ? {} : { signal }),
          }),
        parse: (data) => ChangeEvent.parse(JSON.parse(data)),
        look: async () => (await call("getChange", { params: { changeId }, query: { targets: 0 } })) as Change,
      });
    },
    ...liveStreams(caller),
    async *readLogs(serviceId, { signal, ...query } = {}) {
      const given = signal === undefined ? {} : { signal };
      const body = await caller.open(api.readLogs, { params: { serviceId }, query, ...given });
      for await (const event of readEvents(body, { url: "" })) yield LogLine.parse(JSON.parse(event.data));
    },
    getBackup: async (options = {}) => await caller.open(api.getBackup, options),
    async act(changeId, action, body) {
      return (await call(VERBS[action], { params: { changeId }, body })) as Change;
    },
  };
}
