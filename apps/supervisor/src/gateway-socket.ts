import { setTimeout as sleep } from "node:timers/promises";
import { PlatformError } from "@evenkeel/contracts/error";
import type { Claims } from "@evenkeel/kit/claim";
import type { Log } from "@evenkeel/kit/log";
import { bindSocket, type HeldSocket, takeSocket } from "@evenkeel/kit/socket-handover";
import { bindGateway, HOST, type Wanted } from "./ports.ts";

// 1. We hold the gateway's listening sockets, the one in the clear and the one for TLS, for as long as we live: new connections wait in its queue while it comes back.
// 2. After our own death the living gateway has it; we take it from there, and bind anew only where both are dead.

/** A listening socket of the gateway, in the hands of the supervisor. */
export interface GatewaySocket {
  readonly port: number;
  /** Descriptor for the next gateway. */
  fd(): number;
  close(): void;
}

const TAKE_TRIES = 20;
const TAKE_PAUSE_MS = 250;

export interface SocketInput {
  /** Where the living gateway hands it over. */
  readonly handover: string;
  readonly wanted: Wanted;
  /** Ports that were promised to others. */
  readonly avoid: readonly number[];
  /** The port of the gateway that lives, or null when none does. */
  readonly living: number | null;
  readonly claims: Claims;
  readonly log: Log;
}

/** Takes the socket from the living gateway, or binds one. */
export async function openGatewaySocket(input: SocketInput): Promise<GatewaySocket> {
  const { handover, wanted, avoid, living, log, claims } = input;
  if (living === null) return holding(await bindGateway(wanted, avoid, claims));
  const taken = await takeFrom(handover);
  if (taken !== null) return holding(taken);
  // Nothing is lost yet: it serves on. Should it die, its successor's socket is a new one.
  log.warn({ port: living }, "the gateway does not hand its socket over");
  return missing(living);
}

async function takeFrom(path: string): Promise<HeldSocket | null> {
  for (let attempt = 0; attempt < TAKE_TRIES; attempt += 1) {
    const taken = await takeSocket(path);
    if (taken !== null) return taken;
    // A gateway that has just been started opens its door in a moment.
    await sleep(TAKE_PAUSE_MS);
  }
  return null;
}

function holding(held: HeldSocket): GatewaySocket {
  return { port: held.port, fd: () => held.fd, close: () => held.close() };
}

function missing(port: number): GatewaySocket {
  let bound: HeldSocket | null = null;
  const bind = async (): Promise<void> => {
    while (bound === null) {
      bound = await bindSocket({ host: HOST, port }).catch(() => null);
      if (bound === null) await sleep(TAKE_PAUSE_MS);
    }
  };
  void bind();
  return {
    port,
    fd: () => {
      if (bound === null) throw new PlatformError("PORT_TAKEN", { port, holder: "the gateway that has just ended" });
      return bound.fd;
    },
    close: () => bound?.close(),
  };
}
