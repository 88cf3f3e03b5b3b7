import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { Upstream } from "@evenkeel/contracts/route-table";

const PROBE_MS = 2000;
const PROBES = 3;
const PROBE_AGAIN_MS = 300;

/** Tries a connection a few times: what hindered the last one, or "". Null when it is no longer wanted. */
export async function probe(upstream: Upstream, wanted: () => boolean): Promise<string | null> {
  let problem = "";
  for (let tries = 0; tries < PROBES && wanted(); tries += 1) {
    if (tries > 0) await sleep(PROBE_AGAIN_MS, undefined, { ref: false });
    problem = await tryToConnect(upstream);
    if (problem === "") break;
  }
  return wanted() ? problem : null;
}

function tryToConnect({ address, port }: Upstream): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port, timeout: PROBE_MS });
    const done = (problem: string): void => {
      socket.destroy();
      resolve(problem);
    };
    socket.once("connect", () => done(""));
    socket.once("timeout", () => done(`no connection to ${address}:${port} within ${PROBE_MS / 1000} s`));
    socket.on("error", (error) => done(error.message));
  });
}
