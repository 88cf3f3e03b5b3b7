import { get } from "node:http";
import { connect } from "node:net";
import { say } from "@evenkeel/contracts/phrase";
import type { HealthCheck } from "@evenkeel/contracts/service";
import { type Holder, holderOf, listenersAt, listListeners, socketAt, socketsOf } from "@evenkeel/kit/listening";
import { type Group, membersOf } from "./process-group.ts";

/** How long a look that found the socket in our hands is believed while the descriptor stays the same, in ms. */
const PROOF_MS = 30_000;
/** It is then held beside what another of this host has seen so lately: many instances need one look. */
const SEEN_MS = 5000;
const SILENCE_MS = 1000;

export type Probe =
  | { readonly kind: "healthy" }
  | { readonly kind: "not-yet"; readonly problem: string }
  /** Somebody else's socket takes the connections that are meant for this instance. */
  | { readonly kind: "not-ours"; readonly holder: Holder };

interface Proof {
  readonly at: number;
  readonly sockets: ReadonlyMap<string, string>;
}

/** Asks one instance whether it is well; only an answer through its own socket counts. */
export class HealthProbe {
  readonly #address: string;
  readonly #port: number;
  readonly #group: Group;
  #proof: Proof | null = null;
  #silence: { readonly at: number; readonly text: string } | null = null;

  constructor(address: string, port: number, group: Group) {
    this.#address = address;
    this.#port = port;
    this.#group = group;
  }

  async ask(health: HealthCheck, timeoutMs: number): Promise<Probe> {
    // Whether anybody answers at all is asked first: it costs next to nothing, the table of sockets on a busy host does not.
    const refused = this.#isProven() ? null : await this.#connect(timeoutMs);
    if (refused !== null) return { kind: "not-yet", problem: this.#describeSilence(refused) };
    const foreign = this.#findForeign();
    if (foreign !== null) return foreign;
    const problem =
      "tcp" in health ? await this.#connect(timeoutMs) : await this.#get(health.path, health.status, timeoutMs);
    return problem === null ? { kind: "healthy" } : { kind: "not-yet", problem };
  }

  #findForeign(): Probe | null {
    if (this.#isProven()) return null;
    const listeners = listenersAt(this.#address, this.#port, this.#isHeld() ? SEEN_MS : 0);
    this.#proof = null;
    if (listeners.length === 0) return { kind: "not-yet", problem: this.#describeSilence(say("why.listens-no-more")) };
    const own = this.#ownSockets(listeners.map(({ inode }) => inode));
    const foreign = listeners.filter(({ inode }) => !own.has(inode));
    if (foreign.length > 0) return { kind: "not-ours", holder: holderOf(foreign) };
    this.#proof = { at: performance.now(), sockets: own };
    return null;
  }

  #isProven(): boolean {
    return this.#isHeld() && performance.now() - (this.#proof?.at ?? 0) < PROOF_MS;
  }

  #isHeld(): boolean {
    return this.#proof !== null && [...this.#proof.sockets].every(([inode, path]) => socketAt(path) === inode);
  }

  /** The first process has it nearly always; a look at all processes is for those whose children listen. */
  #ownSockets(inodes: readonly string[]): Map<string, string> {
    const { record } = this.#group;
    const ofFirst = record === null ? new Map<string, string>() : socketsOf([record.pid]);
    const all = inodes.every((inode) => ofFirst.has(inode))
      ? ofFirst
      : socketsOf(membersOf(this.#group).map(({ pid }) => pid));
    return new Map([...all].filter(([inode]) => inodes.includes(inode)));
  }

  /** Reads all of /proc: said once a second at most. */
  #describeSilence(reason: string): string {
    const now = performance.now();
    // Not in the first moments either: it has hardly begun.
    if (this.#silence === null) this.#silence = { at: now, text: reason };
    if (now - this.#silence.at > SILENCE_MS) this.#silence = { at: now, text: this.#explainSilence(reason) };
    return this.#silence.text;
  }

  #explainSilence(reason: string): string {
    const place = `${this.#address}:${this.#port}`;
    const silence = reason.includes("ECONNREFUSED")
      ? say("why.nothing-listens", { address: place })
      : `${place}: ${reason}`;
    const own = socketsOf(membersOf(this.#group).map(({ pid }) => pid));
    const others = listListeners().filter(({ inode }) => own.has(inode));
    if (others.length === 0) return silence;
    const addresses = others.map(({ address, port }) => `${address}:${port}`);
    return say("why.listens-elsewhere", { said: silence, addresses });
  }

  #connect(timeoutMs: number): Promise<string | null> {
    return new Promise((resolve) => {
      const socket = connect({ host: this.#address, port: this.#port, timeout: timeoutMs });
      const end = (problem: string | null): void => {
        socket.destroy();
        resolve(problem);
      };
      socket.once("connect", () => end(null));
      socket.once("timeout", () => end(say("why.no-connection", { ms: timeoutMs })));
      socket.once("error", (error) => end(error.message));
    });
  }

  #get(path: string, status: number, timeoutMs: number): Promise<string | null> {
    return new Promise((resolve) => {
      const headers = { "user-agent": "evenkeel-health", connection: "close" };
      const signal = AbortSignal.timeout(timeoutMs);
      const request = get(
        { host: this.#address, port: this.#port, path, headers, signal, agent: false },
        (response) => {
          response.destroy();
          resolve(
            response.statusCode === status
              ? null
              : say("why.answered", { path, status: response.statusCode ?? 0, expected: status }),
          );
        },
      );
      request.once("error", (error) =>
        resolve(signal.aborted ? say("why.no-answer", { path, ms: timeoutMs }) : `${path}: ${error.message}`),
      );
    });
  }
}

/** Whether whoever listens there is of this group, and nobody else. */
export function isListening(group: Group, address: string, port: number): boolean {
  const listeners = listenersAt(address, port);
  const own = socketsOf(membersOf(group).map(({ pid }) => pid));
  return listeners.length > 0 && listeners.every(({ inode }) => own.has(inode));
}
