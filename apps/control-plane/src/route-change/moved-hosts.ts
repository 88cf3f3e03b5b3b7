import type { Difference, PlannedTarget } from "@evenkeel/contracts/change-plan";
import { type Refusal, refuse } from "@evenkeel/contracts/error";
import type { HostId, Name } from "@evenkeel/contracts/id";
import { say } from "@evenkeel/contracts/phrase";
import type { InstanceKey } from "@evenkeel/contracts/route-table";
import type { RouteChangeSpec } from "@evenkeel/contracts/traffic-rule";
import type { Cell } from "@evenkeel/contracts/workspace";
import { type Serving, servedIn } from "../route/plan/index.ts";
import { cellsAfter, reshapes } from "./altered-cells.ts";
import type { CellBound, PlacedHost, RouteWorld, ServingHere } from "./world.ts";

type Moving = Pick<RouteChangeSpec, "hosts" | "cells">;

/** A host that is to be in another cell. */
export interface HostMove {
  readonly host: PlacedHost;
  readonly cell: Name | null;
}

/** The hosts that a change moves; one that is in its cell already does not. */
export function movesOf({ hosts }: Pick<Moving, "hosts">, world: Pick<RouteWorld, "hosts">): HostMove[] {
  return hosts.flatMap(({ host: name, cell }) => {
    const host = world.hosts.find((one) => one.name === name);
    return host === undefined || host.cell === cell ? [] : [{ host, cell }];
  });
}

/** All that takes requests of services whose users may meet others: those on a host that moves, or all where a cell is reshaped. */
export function movedServing(spec: Moving, world: Pick<RouteWorld, "hosts" | "serving">): readonly ServingHere[] {
  if (reshapes(spec)) return world.serving;
  const moved = idsOf(movesOf(spec, world));
  const services = new Set(world.serving.filter(({ hostId }) => moved.has(hostId)).map(({ serviceId }) => serviceId));
  return world.serving.filter(({ serviceId }) => services.has(serviceId));
}

const idsOf = (moves: readonly HostMove[]): ReadonlySet<HostId> => new Set(moves.map(({ host }) => host.id));

type HostNames = ReadonlyMap<HostId, Name>;
const hostNames = ({ hosts }: Pick<RouteWorld, "hosts">): HostNames => new Map(hosts.map(({ id, name }) => [id, name]));

/** What guards compare: instances on hosts that move, or that serve the users of one more cell, with the others of their services. */
export function watchedByMoves(spec: RouteChangeSpec, world: RouteWorld): NonNullable<PlannedTarget["watched"]> {
  const moved = idsOf(movesOf(spec, world));
  const names = hostNames(world);
  const turns = reshapes(spec) ? turnsOf(spec, world) : [];
  const gaining = new Set(turns.flatMap(newIn));
  if (gaining.size + moved.size === 0) return [];
  return movedServing(spec, world).map(({ instance, hostId, serviceId, version }) => ({
    ...{ name: names.get(hostId) ?? hostId, hostId, serviceId, from: version },
    gains: moved.has(hostId) || gaining.has(instance),
  }));
}

function newIn({ before, after }: Turn): InstanceKey[] {
  const then = new Set(before.map(({ instance }) => instance));
  return after.map(({ instance }) => instance).filter((instance) => !then.has(instance));
}

// ── who serves whom ───────────────────────────────────────────────────────────

/** Who serves the users of a cell, before and after. */
interface Turn {
  readonly service: string;
  /** As it is afterwards. */
  readonly cell: Cell;
  readonly before: readonly Serving[];
  readonly after: readonly Serving[];
}

/** For each of these services and each cell: who serves its users now, and who will. */
function turnsOf(spec: RouteChangeSpec, world: RouteWorld): Turn[] {
  const cellOf = new Map(movesOf(spec, world).map(({ host, cell }) => [host.id, cell]));
  const cells = cellsAfter(spec, world);
  const hosts = world.hosts.map((host) => ({
    ...host,
    cell: cellOf.has(host.id) ? (cellOf.get(host.id) ?? null) : host.cell,
  }));
  const services = Map.groupBy(movedServing(spec, world), ({ service }) => service);
  return [...services].flatMap(([service, members]) => {
    const [before, after] = [servedIn(members, world), servedIn(members, { cells, hosts })];
    return cells.map((cell) => ({ service, cell, before: before(cell.name), after: after(cell.name) }));
  });
}

const isLeftEmpty = ({ before, after }: Turn): boolean => before.length > 0 && after.length === 0;
const hasUsers = ({ cell }: Turn): boolean => cell.weight > 0 && !cell.gray;

/** Users take all services with them: one that is lost to the users of a cell is a reason to refuse, unless it was consented to. */
export function refuseLeftEmpty(spec: RouteChangeSpec, world: RouteWorld): Refusal | null {
  if (spec.allowGap) return null;
  const empty = turnsOf(spec, world).find((turn) => hasUsers(turn) && isLeftEmpty(turn));
  return empty === undefined ? null : refuse("CELL_LEFT_EMPTY", { cell: empty.cell.name, service: empty.service });
}

// ── in words ──────────────────────────────────────────────────────────────────

/** Which hosts move, and for each service on them who is served by whom, and how many users that is. */
export function moveDifferences(spec: RouteChangeSpec, world: RouteWorld): Difference[] {
  const services = Map.groupBy(turnsOf(spec, world), ({ service }) => service);
  const names = hostNames(world);
  return [
    ...movesOf(spec, world).map(({ host, cell }) => ({
      ...{ field: say("field.cell-of", { host: host.name }), from: host.cell, to: cell },
    })),
    ...[...services].flatMap(([group, turns]) =>
      [...turns.flatMap((turn) => servedDifference(turn, names)), ...movedUsers(turns, world)].map((difference) => ({
        ...difference,
        group,
      })),
    ),
  ];
}

function servedDifference({ cell, before, after }: Turn, names: HostNames): Difference[] {
  if (distance(before, after) === 0) return [];
  const [from = null, to = null] = [before, after].map((members) => shortened(members, names));
  return [{ field: say("field.served", { cell: cell.name }), from, to }];
}

const NAMED_AT_MOST = 8;

function shortened(members: readonly Serving[], names: HostNames): string | null {
  const words = members.map(({ hostId, version }) => `${names.get(hostId) ?? hostId} ${version}`).sort();
  const count = words.length - NAMED_AT_MOST;
  if (words.length === 0) return null;
  return count <= 0 ? words.join(", ") : say("value.and-more", { hosts: words.slice(0, NAMED_AT_MOST), count });
}

/** By the weights of cells and the requests of the last minute; who is sent to a cell by a rule, or calls from it, is not counted. */
function movedUsers(turns: readonly Turn[], { cells, requests: had }: RouteWorld): Difference[] {
  const weights = new Map<string, number>(cells.map(({ name, weight, gray }) => [name, gray ? 0 : weight]));
  const total = [...weights.values()].reduce((sum, weight) => sum + weight, 0);
  const serviceId = turns.flatMap(({ before, after }) => [...before, ...after])[0]?.serviceId;
  const nobodyMoves = turns.every(({ before, after }) => distance(before, after) === 0);
  if (total === 0 || serviceId === undefined || nobodyMoves) return [];
  const share = turns.reduce(
    (sum, { cell, before, after }) => sum + ((weights.get(cell.name) ?? 0) / total) * distance(before, after),
    0,
  );
  const requests = had.get(serviceId) ?? 0;
  const about = { percent: Math.round(share * 1000) / 10, requests: Math.round(requests * share) };
  const shares = [say("value.share-about", { ...about, subset: say("value.others") })];
  return [{ field: say("field.moves"), from: null, to: say("value.moves-all", { requests, shares }) }];
}

/** The share of requests that meets another instance, where each of them takes as many as the others. */
function distance(before: readonly Serving[], after: readonly Serving[]): number {
  const then = new Set(after.map(({ instance }) => instance));
  const stay = before.filter(({ instance }) => then.has(instance)).length;
  const most = Math.max(before.length, after.length);
  return most === 0 ? 0 : 1 - stay / most;
}

/** Whom a move leaves with nobody, which rules lead to other instances by it, and which services follow it only later. */
export function moveWarnings(spec: RouteChangeSpec, world: RouteWorld): string[] {
  const left = turnsOf(spec, world)
    .filter(isLeftEmpty)
    .map(({ cell, service }) => say("warning.nobody-there", { cell: cell.name, service }));
  const touched = new Set(movesOf(spec, world).flatMap(({ host, cell }) => [host.cell, cell]));
  const services = new Set(movedServing(spec, world).map(({ service }) => service));
  const followers = [...services].flatMap((service) =>
    [...touched].flatMap((cell) => {
      const rules = rulesTo(cell, service, world);
      return cell === null || rules.length === 0 ? [] : [say("warning.rules-follow", { cell, service, rules })];
    }),
  );
  return [...left, ...followers, ...world.cellBound.flatMap((bound) => lateWarnings(bound, movesOf(spec, world)))];
}

/** A move alters where hosts stand, not what runs on them: that is a release's. */
function lateWarnings({ service, cells, hostIds }: CellBound, moves: readonly HostMove[]): string[] {
  const isFor = (cell: Name | null): boolean => cell !== null && cells.includes(cell);
  const runsOn = ({ host }: HostMove): boolean => hostIds.includes(host.id);
  const stays = moves.filter((move) => runsOn(move) && !isFor(move.cell));
  const comes = moves.filter((move) => !runsOn(move) && isFor(move.cell));
  const namesOf = (ones: readonly HostMove[]) => ones.map(({ host }) => host.name);
  return [
    ...(stays.length === 0 ? [] : [say("warning.stays-until-release", { service, cells, hosts: namesOf(stays) })]),
    ...(comes.length === 0 ? [] : [say("warning.comes-with-release", { service, cells, hosts: namesOf(comes) })]),
  ];
}

const rulesTo = (cell: Name | null, service: string, { rules }: RouteWorld): string[] =>
  rules
    .map(({ definition }) => definition)
    .filter((rule) => rule.service === service)
    .filter(({ send, mirror }) => [...(send?.to ?? []), ...(mirror ? [mirror] : [])].some(({ to }) => to.cell === cell))
    .map(({ name }) => name);
