import type { Topology } from "@evenkeel/client/topology";

/** What part of a service's requests goes to a version in a cell. */
export interface Share {
  readonly version: string;
  /** Null where cells play no part. */
  readonly cell: string | null;
  readonly instances: number;
  readonly requestsPerSecond: number;
  readonly failedPerSecond: number;
  /** Of all requests now; without any, of the instances that take requests. */
  readonly part: number;
}

export interface ServiceShares {
  readonly serviceId: string;
  readonly name: string;
  readonly routes: readonly string[];
  readonly shares: readonly Share[];
  readonly requestsPerSecond: number;
  /** Answered by nobody. */
  readonly lostPerSecond: number;
}

/** Who gets which share, of each service that has a route or requests. */
export function sharesOf({ services, hosts, instances, rates }: Topology): ServiceShares[] {
  const cellOf = new Map(hosts.map(({ hostId, cell }) => [hostId as string, cell]));
  const inCells = hosts.some(({ cell }) => cell !== null);
  const placeOf = (hostId: string, version: string) =>
    JSON.stringify([version, inCells ? (cellOf.get(hostId) ?? null) : null]);
  return services.flatMap(({ serviceId, name, routes }): ServiceShares[] => {
    const own = instances.filter((one) => one.serviceId === serviceId && one.traffic === "attached");
    const asked = rates.filter((rate) => rate.serviceId === serviceId);
    const places = new Map<string, { instances: number; asked: number; failed: number }>();
    const add = (place: string, more: { instances?: number; asked?: number; failed?: number }) => {
      const now = places.get(place) ?? { instances: 0, asked: 0, failed: 0 };
      places.set(place, {
        instances: now.instances + (more.instances ?? 0),
        asked: now.asked + (more.asked ?? 0),
        failed: now.failed + (more.failed ?? 0),
      });
    };
    for (const { hostId, version } of own) add(placeOf(hostId, version), { instances: 1 });
    for (const { instance, version, requestsPerSecond, failedPerSecond } of asked) {
      if (instance === null) continue;
      const place = placeOf(instance.split("/")[1] ?? "", version);
      add(place, { asked: requestsPerSecond, failed: failedPerSecond });
    }
    if (routes.length === 0 && places.size === 0) return [];
    const all = [...places.values()];
    const requestsPerSecond = all.reduce((sum, each) => sum + each.asked, 0);
    const standing = all.reduce((sum, each) => sum + each.instances, 0);
    const lost = asked.filter(({ instance }) => instance === null);
    return [
      {
        ...{ serviceId, name, routes, requestsPerSecond },
        lostPerSecond: lost.reduce((sum, rate) => sum + rate.requestsPerSecond, 0),
        shares: [...places]
          .map(([place, sum]): Share => {
            const [version, cell] = JSON.parse(place) as [string, string | null];
            const part = requestsPerSecond > 0 ? sum.asked / requestsPerSecond : sum.instances / Math.max(1, standing);
            return {
              ...{ version, cell, part, instances: sum.instances },
              ...{ requestsPerSecond: sum.asked, failedPerSecond: sum.failed },
            };
          })
          .toSorted(byVersion),
      },
    ];
  });
}

const byVersion = (one: Share, other: Share): number =>
  one.version.localeCompare(other.version, "en", { numeric: true }) || (one.cell ?? "").localeCompare(other.cell ?? "");

/** A band from the service to a share: where and how thick it begins on the left and ends on the right, in pixels. */
export interface Band {
  readonly share: Share;
  readonly from: { readonly y: number; readonly thick: number };
  readonly to: { readonly y: number; readonly thick: number };
}

export const SHARE_ROW = 52;
const THICKEST = 40;

/** Bands of a service, one row each; together they are as thick as the service's own block. */
export function bandsOf({ shares }: Pick<ServiceShares, "shares">): {
  readonly bands: readonly Band[];
  readonly height: number;
} {
  const height = shares.length * SHARE_ROW;
  const whole = Math.min(height - 12, 2 * THICKEST);
  let y = (height - whole) / 2;
  const bands = shares.map((share, index): Band => {
    const thick = share.part * whole;
    const end = Math.min(THICKEST, share.part > 0 ? Math.max(2, thick) : 0);
    const band = { share, from: { y, thick }, to: { y: index * SHARE_ROW + (SHARE_ROW - end) / 2, thick: end } };
    y += thick;
    return band;
  });
  return { bands, height };
}

/** The outline of a band over so many pixels. */
export function outlineOf({ from, to }: Band, width: number): string {
  const bend = width / 2;
  const top = `M0 ${from.y}C${bend} ${from.y} ${bend} ${to.y} ${width} ${to.y}`;
  const [low, end] = [to.y + to.thick, from.y + from.thick];
  return `${top}V${low}C${bend} ${low} ${bend} ${end} 0 ${end}Z`;
}
