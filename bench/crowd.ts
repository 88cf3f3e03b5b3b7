// Many agents in one process: the real protocol, a socket and a credential each, their journals in memory.
// Started by agents.ts, which sends orders and is told how far they are.
import type { Journal } from "@evenkeel/agent-core/journal";
import { createMemoryJournal } from "@evenkeel/agent-core/memory-journal";
import { retryPauseMs } from "@evenkeel/agent-core/retry-pause";
import { createClient } from "@evenkeel/client/client";
import { AGENT_LINK_PATH, HEARTBEAT_MS, LOST_AFTER_MS } from "@evenkeel/contracts/agent-protocol";
import type { HostId } from "@evenkeel/contracts/id";
import { createFakeAgent, type FakeAgent } from "@evenkeel/testkit/fake-agent";
import { WebSocket } from "ws";

/** First all join; with `connect` they open their links. */
export type CrowdOrder =
  | {
      readonly kind: "join";
      readonly controlPlanes: readonly string[];
      readonly token: string;
      readonly workspace: string;
      readonly names: readonly string[];
    }
  | { readonly kind: "connect"; readonly atOnce: number };

/** How far the crowd is. */
export interface CrowdReport {
  readonly joined: number;
  readonly connected: number;
}

const LOOK_MS = 1000;
const REPORT_MS = 20;
const JOIN_AT_ONCE = 8;

interface Joined {
  readonly hostId: HostId;
  readonly credential: string;
  readonly journal: Journal;
}

class Member {
  readonly agent: FakeAgent;
  readonly #credential: string;
  readonly #told: (connected: boolean) => void;
  #heardMs = 0;
  #failures = 0;
  #socket: WebSocket | null = null;
  #welcome = false;

  constructor({ hostId, credential, journal }: Joined, told: (connected: boolean) => void) {
    const run = async () => ({ kind: "succeeded" as const, facts: {}, elapsedMs: 0 });
    this.agent = createFakeAgent({ hostId, journal, run });
    this.#credential = credential;
    this.#told = told;
  }

  /** Resolves once this attempt has led to something; connects again for ever. */
  async connect(url: string): Promise<void> {
    const socket = new WebSocket(`${url.replace(/^http/, "ws")}/api/v1${AGENT_LINK_PATH}`, {
      headers: { authorization: `Bearer ${this.#credential}` },
      perMessageDeflate: false,
      handshakeTimeout: LOST_AFTER_MS,
    });
    this.#socket = socket;
    socket.on("error", () => undefined);
    socket.once("close", () => {
      if (this.#welcome) this.#told(false);
      this.#welcome = false;
      setTimeout(() => void this.connect(url), retryPauseMs(this.#failures));
      this.#failures += 1;
    });
    const opened = await new Promise<boolean>((resolve) => {
      socket.once("open", () => resolve(true));
      socket.once("close", () => resolve(false));
    });
    if (!opened) return;
    this.#heardMs = performance.now();
    const link = this.agent.connect();
    link.onMessage((message) => socket.send(JSON.stringify(message)));
    const beat = setInterval(() => link.heartbeat(), HEARTBEAT_MS);
    socket.once("close", () => {
      clearInterval(beat);
      link.close();
    });
    const welcomed = Promise.withResolvers<void>();
    socket.once("close", welcomed.resolve);
    socket.on("message", (data) => {
      this.#heardMs = performance.now();
      const order = JSON.parse(String(data));
      link.send(order);
      if (order.kind !== "welcome") return;
      this.#welcome = true;
      this.#failures = 0;
      this.#told(true);
      welcomed.resolve();
    });
    await welcomed.promise;
  }

  /** A control plane that is silent is left, as the agent does it. */
  look(nowMs: number): void {
    if (this.#welcome && nowMs - this.#heardMs > LOST_AFTER_MS) this.#socket?.terminate();
  }
}

class Crowd {
  readonly #members: Member[] = [];
  readonly #urls: readonly string[];
  #connected = 0;
  #reported = "";

  constructor(urls: readonly string[]) {
    this.#urls = urls;
    setInterval(() => this.#report(), REPORT_MS);
    setInterval(() => {
      const nowMs = performance.now();
      for (const member of this.#members) member.look(nowMs);
    }, LOOK_MS);
  }

  async join({ token, workspace, names }: Extract<CrowdOrder, { kind: "join" }>): Promise<void> {
    const client = createClient({ url: this.#urls, token });
    await eachOf(names, JOIN_AT_ONCE, async (name) => {
      const journal = createMemoryJournal();
      const invited = await client.createJoinToken({ body: { workspace, for: "host", validSeconds: 600 } });
      const { journalId } = journal;
      const body = { token: invited.token, name, address: "127.0.0.1", journalId, bootId: "boot-of-the-test" };
      const { hostId, credential } = await client.joinHost({ body });
      const told = (connected: boolean): void => {
        this.#connected += connected ? 1 : -1;
      };
      this.#members.push(new Member({ hostId, credential, journal }, told));
    });
  }

  async connect(atOnce: number): Promise<void> {
    await eachOf([...this.#members.entries()], atOnce, async ([index, member]) => {
      await member.connect(this.#urls[index % this.#urls.length] ?? "");
    });
  }

  #report(): void {
    const report: CrowdReport = { joined: this.#members.length, connected: this.#connected };
    const text = JSON.stringify(report);
    if (text !== this.#reported) process.send?.(report);
    this.#reported = text;
  }
}

/** Does something for each, `atOnce` at the same time. */
async function eachOf<Item>(items: readonly Item[], atOnce: number, run: (item: Item) => Promise<void>): Promise<void> {
  const waiting = [...items];
  const worker = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await run(next);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}

let crowd: Crowd | null = null;
process.on("message", (order: CrowdOrder) => {
  if (order.kind === "connect") return void crowd?.connect(order.atOnce);
  crowd = new Crowd(order.controlPlanes);
  void crowd.join(order);
});
process.once("disconnect", () => process.exit(0));
