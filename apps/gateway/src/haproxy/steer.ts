import { backendName, LATER_SERVER, MODES, OWN_SERVER, type Pool } from "./pool.ts";

/** A server as `show servers state` tells it. */
export interface RunningServer {
  readonly backend: string;
  readonly name: string;
  readonly weight: number;
  readonly ready: boolean;
}

interface Wanted extends RunningServer {
  readonly address: string;
}

const pathOf = ({ backend, name }: RunningServer): string => `${backend}/${name}`;

/** What to say to HAProxy: first of those that take over, then of those that give, so that no backend is empty in between. */
export interface Steering {
  readonly gaining: readonly string[];
  readonly giving: readonly string[];
}

/** What to say so that its servers become those of the pools; those in excess are only shut. */
export function steer(running: readonly RunningServer[], pools: readonly Pool[]): Steering {
  const found = new Map(running.map((server) => [pathOf(server), server]));
  const wanted = new Map(pools.flatMap(wantedOf).map((server) => [pathOf(server), server]));
  const isReady = (path: string): boolean => found.get(path)?.ready ?? false;
  const added: string[] = [];
  const raised: string[] = [];
  const lowered: string[] = [];
  const opened: string[] = [];
  for (const [path, { address, weight, ready }] of wanted) {
    const server = found.get(path);
    // A server that is added is shut.
    if (server === undefined) added.push(`add server ${path} ${address} weight ${weight}`);
    else if (server.weight < weight) raised.push(`set server ${path} weight ${weight}`);
    else if (server.weight > weight) lowered.push(`set server ${path} weight ${weight}`);
    if (ready && !isReady(path)) opened.push(`set server ${path} state ready`);
  }
  const shut = [...found.keys()]
    .filter((path) => isReady(path) && wanted.get(path)?.ready !== true)
    .map((path) => `set server ${path} state maint`);
  return { gaining: [...added, ...opened, ...raised], giving: [...lowered, ...shut] };
}

function wantedOf(pool: Pool): Wanted[] {
  return MODES.flatMap((mode) =>
    pool.servers.map(({ name, upstream, weight, ready }) => {
      const host = upstream.address.includes(":") ? `[${upstream.address}]` : upstream.address;
      return { backend: backendName(pool, mode), name, address: `${host}:${upstream.port}`, weight, ready };
    }),
  );
}

const FORCED_MAINTENANCE = 1;

/** Reads `show servers state`. */
export function readServers(text: string): RunningServer[] {
  return text.split("\n").flatMap((line) => {
    const fields = line.split(" ");
    const [, backend, , name, , , admin, weight] = fields;
    if (fields.length < 20 || line.startsWith("#") || backend === undefined || name === undefined) return [];
    if (name === OWN_SERVER || name === LATER_SERVER) return [];
    return [{ backend, name, weight: Number(weight), ready: (Number(admin) & FORCED_MAINTENANCE) === 0 }];
  });
}
