import { createHmac } from "node:crypto";
import type { HostId, Name, ServiceId } from "@evenkeel/contracts/id";
import {
  EVERYONE,
  type InstanceKey,
  type Mark,
  type RouteTable,
  type TableRule,
  type TableSend,
  type Way,
} from "@evenkeel/contracts/route-table";
import { WHOLE_BASIS_POINTS } from "@evenkeel/contracts/traffic/bucket";
import { type SetTrafficRule, type Subset, TrafficPolicy, type UserKey } from "@evenkeel/contracts/traffic-rule";
import { compileConditions } from "./condition.ts";

export interface CellRow {
  readonly name: Name;
  readonly zones: readonly string[];
  readonly type: "unit" | "shared";
  readonly weight: number;
  readonly gray: boolean;
  readonly away: boolean;
  readonly failOver: Name | null;
}

export interface HostPlace {
  readonly hostId: HostId;
  readonly name: string;
  readonly cell: string | null;
  readonly address: string;
}

/** A base, the base-cluster that it is in, and the paths that its modules have published. */
export interface BasePlace {
  readonly serviceId: ServiceId;
  readonly hostId: HostId;
  readonly cluster: string | null;
  readonly paths: readonly string[];
}

/** What the rules of a table are made from. */
export interface TrafficRows {
  readonly rules: readonly { readonly serviceId: ServiceId; readonly definition: SetTrafficRule }[];
  readonly policies: readonly { readonly serviceId: ServiceId; readonly definition: TrafficPolicy }[];
  readonly cells: readonly CellRow[];
  readonly hosts: readonly HostPlace[];
  readonly bases: readonly BasePlace[];
  /** Null = no lane and no cell was ever named here. */
  readonly entry: { readonly secret: string; readonly userKey: readonly UserKey[] } | null;
}

/** An instance that may take requests, and where it stands. */
export interface Member {
  readonly instance: InstanceKey;
  readonly hostId: HostId;
  readonly version: string;
  readonly zone: string;
}

type ServiceTraffic = Pick<RouteTable["services"][number], "subsets" | "rules" | "home" | "policy">;

/** What one service's rules, cells and policy are in the table. */
export function compileService(serviceId: ServiceId, members: readonly Member[], rows: TrafficRows): ServiceTraffic {
  const subsets = new Subsets(serviceId, members, rows);
  const rules = rows.rules
    .filter((rule) => rule.serviceId === serviceId)
    .map(({ definition }) => definition)
    .sort(byPriority)
    .map((definition) => compileRule(definition, subsets))
    .concat(moduleRules(subsets));
  const home = subsets.wayOf({}, "refuse");
  const policy = rows.policies.find((each) => each.serviceId === serviceId)?.definition ?? TrafficPolicy.parse({});
  return { rules, home, policy, subsets: subsets.named() };
}

/** In the order in which rules are looked at. */
export function byPriority(one: SetTrafficRule, other: SetTrafficRule): number {
  if (one.priority !== other.priority) return one.priority - other.priority;
  return one.name < other.name ? -1 : 1;
}

function compileRule(definition: SetTrafficRule, subsets: Subsets): TableRule {
  const { name, match, send, mirror, fault, rateLimit, concurrency } = definition;
  return {
    name,
    conditions: compileConditions(name, match),
    send: send === undefined ? null : compileSend(name, send, subsets),
    mirror:
      mirror === undefined
        ? null
        : { basisPoints: pointsOf(mirror.percent), chain: subsets.wayOf(mirror.to, "refuse").chain },
    fault: fault ?? null,
    rateLimit: rateLimit ?? null,
    concurrency: concurrency ?? null,
  };
}

function compileSend(name: string, send: NonNullable<SetTrafficRule["send"]>, subsets: Subsets): TableSend {
  const fallback = send.fallback === "all" ? "all" : "refuse";
  return {
    salt: name,
    key: send.key,
    ways: send.to.map(({ to, percent, lane }) => ({
      basisPoints: pointsOf(percent),
      lane: lane ?? null,
      ...(to.cell !== undefined && { cell: to.cell }),
      ...subsets.wayOf(to, fallback),
    })),
    next: send.fallback === "next",
  };
}

/**
 * A path that modules have published on some bases and not on all is asked of those that have it. Behind all rules of people,
 * the longest path first: one that all have needs no rule, because whoever has the shorter one has that one too.
 */
function moduleRules(subsets: Subsets): TableRule[] {
  return subsets.partialPaths().map((path) => {
    const name = `module ${path}`;
    const way = { basisPoints: WHOLE_BASIS_POINTS, lane: null, ...subsets.wayOf({ modulePath: path }, "all") };
    const match =
      path === "/" ? [] : compileConditions(name, [{ field: "path", not: false, prefix: path.replace(/\/+$/, "") }]);
    return {
      ...{ name, conditions: match, send: { salt: name, key: [], ways: [way], next: false } },
      ...{ mirror: null, fault: null, rateLimit: null, concurrency: null },
    };
  });
}

export const pointsOf = (percent: number): number => Math.round(percent * 100);

// ── subsets ───────────────────────────────────────────────────────────────────

type Filter = (member: Member) => boolean;

/** What people may name, and what only modules do. */
type Asked = Subset & { readonly modulePath?: string };

/** The subsets that the ways of one service name, made as they are asked for. */
class Subsets {
  readonly #members: readonly Member[];
  readonly #places: ReadonlyMap<HostId, HostPlace>;
  readonly #bases: ReadonlyMap<HostId, BasePlace>;
  readonly #cells: readonly CellRow[];
  readonly #inCells: boolean;
  readonly #named = new Map<string, InstanceKey[]>();

  constructor(serviceId: ServiceId, members: readonly Member[], { cells, hosts, bases }: TrafficRows) {
    this.#members = members;
    const own = bases.filter((base) => base.serviceId === serviceId);
    this.#bases = new Map(own.map((base) => [base.hostId, base]));
    this.#cells = cells;
    this.#places = new Map(hosts.map((place) => [place.hostId, place]));
    // A service none of whose instances stands in a cell is open to all of them.
    this.#inCells = cells.length > 0 && members.some((member) => this.#cellOf(member) !== null);
  }

  named(): ServiceTraffic["subsets"] {
    return [...this.#named].map(([name, instances]) => ({ name, instances }));
  }

  /** Those that some of the instances have, and not all. */
  partialPaths(): string[] {
    const paths = unique([...this.#bases.values()].flatMap((base) => base.paths));
    const isPartial = (path: string) => {
      const having = this.#members.filter((member) => this.#hasPath(member, path)).length;
      return having > 0 && having < this.#members.length;
    };
    return paths.filter(isPartial).sort((one, other) => other.length - one.length || (one < other ? -1 : 1));
  }

  #hasPath({ hostId }: Member, path: string): boolean {
    return this.#bases.get(hostId)?.paths.includes(path) ?? false;
  }

  wayOf(subset: Asked, fallback: "all" | "refuse"): Way {
    const isPlaced = [subset.cell, subset.hosts, subset.baseCluster].some((place) => place !== undefined);
    const bounds = !isPlaced && this.#inCells ? this.#cells : [];
    const own = this.#name(subset);
    return {
      chain: unique(fallback === "all" ? [own, EVERYONE] : [own]),
      cells: bounds.map((cell) => {
        const within = this.#bounds(cell);
        const here = within.map((bound) => this.#name(subset, bound));
        const others = fallback === "all" ? within.map((bound) => this.#name({}, bound)) : [];
        return { cell: cell.name, chain: unique([...here, ...others]) };
      }),
    };
  }

  /** Its own instances, then those of its zones that belong to no unit, then those of its fail-over cell: never others. */
  #bounds(cell: CellRow): { name: string; holds: Filter }[] {
    const shared = new Set(this.#cells.filter(({ type }) => type === "shared").map(({ name }) => name as string));
    const isOpen = (at: string | null) => at === null || shared.has(at);
    const inCell = (name: string) => ({
      name: `cell ${name}`,
      holds: (member: Member) => this.#cellOf(member) === name,
    });
    const near = {
      name: `near ${cell.name}`,
      holds: (member: Member) => cell.zones.includes(member.zone) && isOpen(this.#cellOf(member)),
    };
    const other = this.#cells.find(({ name, away }) => name === cell.failOver && !away);
    const beyond = other === undefined ? [] : [inCell(other.name)];
    // Sent away it serves nobody, and what stands near it no longer does in its name.
    return cell.away ? beyond : [inCell(cell.name), near, ...beyond];
  }

  #cellOf({ hostId }: Member): string | null {
    return this.#places.get(hostId)?.cell ?? null;
  }

  #name(subset: Asked, bound?: { name: string; holds: Filter }): string {
    const parts = [...this.#parts(subset), ...(bound === undefined ? [] : [bound])];
    if (parts.length === 0) return EVERYONE;
    const name = parts.map((part) => part.name).join(" & ");
    if (!this.#named.has(name)) {
      const members = this.#members.filter((member) => parts.every(({ holds }) => holds(member)));
      this.#named.set(
        name,
        members.map(({ instance }) => instance),
      );
    }
    return name;
  }

  #parts({ version, notVersion, cell, hosts, baseCluster, modulePath }: Asked): { name: string; holds: Filter }[] {
    return [
      ...(version === undefined
        ? []
        : [{ name: `version ${version}`, holds: (one: Member) => one.version === version }]),
      ...(notVersion === undefined
        ? []
        : [{ name: `not version ${notVersion}`, holds: (one: Member) => one.version !== notVersion }]),
      ...(cell === undefined ? [] : [{ name: `cell ${cell}`, holds: (one: Member) => this.#cellOf(one) === cell }]),
      ...(hosts === undefined
        ? []
        : [
            {
              name: `hosts ${hosts.toSorted().join(",")}`,
              holds: ({ hostId }: Member) => hosts.includes((this.#places.get(hostId)?.name ?? "") as Name),
            },
          ]),
      ...(baseCluster === undefined
        ? []
        : [
            {
              name: `base-cluster ${baseCluster}`,
              holds: ({ hostId }: Member) => this.#bases.get(hostId)?.cluster === baseCluster,
            },
          ]),
      ...(modulePath === undefined
        ? []
        : [{ name: `module ${modulePath}`, holds: (one: Member) => this.#hasPath(one, modulePath) }]),
    ];
  }
}

const unique = (names: readonly string[]): string[] => [...new Set(names)];

// ── what all services share ───────────────────────────────────────────────────

/** Lanes and cells as gateways may believe them, and how a request gets its cell. */
export function compileEntry(rows: TrafficRows): Pick<RouteTable, "marks" | "callers" | "entry"> {
  const { entry, cells, rules } = rows;
  if (entry === null) return { marks: [], callers: [], entry: null };
  const seal = (kind: Mark["kind"], name: Name): Mark => ({
    kind,
    name,
    seal: createHmac("sha256", entry.secret).update(`${kind} ${name}`).digest("hex").slice(0, 32),
  });
  const lanes = rules.flatMap(({ definition }) => definition.send?.to.flatMap(({ lane }) => lane ?? []) ?? []);
  return {
    marks: [
      ...[...new Set(lanes)].sort().map((lane) => seal("lane", lane)),
      ...cells.map(({ name }) => seal("cell", name)),
    ],
    callers: callersOf(rows),
    entry: shares(cells, entry.userKey),
  };
}

/** An address that hosts of different cells share says nothing, nor does one that is everybody's own. */
function callersOf({ hosts, cells }: TrafficRows): RouteTable["callers"] {
  const known = new Set<string>(cells.map(({ name }) => name));
  const byAddress = Map.groupBy(hosts, ({ address }) => address);
  return [...byAddress].flatMap(([address, its]) => {
    const [cell, ...others] = new Set(its.map((host) => host.cell));
    if (cell === null || cell === undefined || others.length > 0 || !known.has(cell) || isLoopback(address)) return [];
    return [{ address, cell: cell as Name }];
  });
}

const isLoopback = (address: string): boolean => address.startsWith("127.") || address === "::1";

function shares(cells: readonly CellRow[], key: readonly UserKey[]): RouteTable["entry"] {
  const weighed = cells.filter(({ weight, gray }) => weight > 0 && !gray);
  const total = weighed.reduce((sum, { weight }) => sum + weight, 0);
  if (total === 0) return null;
  let sum = 0;
  let before = 0;
  return {
    key: [...key],
    cells: weighed.map(({ name, weight }) => {
      sum += weight;
      const until = Math.round((sum * WHOLE_BASIS_POINTS) / total);
      const basisPoints = until - before;
      before = until;
      return { cell: name, basisPoints };
    }),
  };
}
