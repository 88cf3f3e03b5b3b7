import type { Change, TargetView } from "@evenkeel/contracts/change";
import type { Instance, Route } from "@evenkeel/contracts/service";
import type { TourRelease, TourSummary } from "./summary.ts";

// Pure: what was told beforehand, compared with what was seen.

/** How the service stood at one moment. */
export interface Standing {
  readonly instances: readonly Instance[];
  readonly routes: readonly Route[];
}

/** All that a verdict needs. */
export interface Seen {
  readonly hosts: number;
  readonly releases: readonly TourRelease[];
  readonly requests: TourSummary["requests"];
  /** The broken release itself, and how the service stood before and after it. */
  readonly broken: { readonly change: Change; readonly before: Standing; readonly after: Standing } | null;
}

export const RATE = 220;
const LOWEST_RATE = 200;
const HOSTS = 4;

/** Everything that was not as told, one sentence each. */
export function whatWasNotAsTold(seen: Seen): string[] {
  return [...hostProblems(seen), ...releaseProblems(seen), ...brokenProblems(seen), ...requestProblems(seen)];
}

function hostProblems({ hosts }: Seen): string[] {
  return hosts === HOSTS ? [] : [`${hosts} of ${HOSTS} hosts were online`];
}

const EXPECTED: readonly { readonly version: string; readonly state: string; readonly batches: readonly number[] }[] = [
  { version: "1.0.0", state: "succeeded", batches: [4] },
  { version: "2.0.0", state: "succeeded", batches: [1, 1, 2] },
  { version: "3.0.0", state: "rolled-back", batches: [1, 1, 2] },
];

function releaseProblems({ releases }: Seen): string[] {
  return EXPECTED.flatMap(({ version, state, batches }) => {
    const release = releases.find((each) => each.version === version);
    if (release === undefined) return [`${version} was not released`];
    const sizes = release.batches.map(({ hosts }) => hosts.length);
    return [
      ...(release.state === state ? [] : [`${version} ended as ${release.state}, not as ${state}`]),
      ...(sizes.join() === batches.join() ? [] : [`${version} had batches of ${sizes.join(", ")} hosts`]),
    ];
  });
}

/** The broken version: stopped at the beta host, cause named, rolled back, nobody else touched. */
function brokenProblems({ releases, broken }: Seen): string[] {
  const release = releases.find(({ version }) => version === "3.0.0");
  if (broken === null || release === undefined) return [];
  const { change, before, after } = broken;
  const [beta, ...later] = change.groups.flatMap((group) => group.batches);
  const others = later.flatMap(({ targets }) => targets);
  return [
    ...(release.rollback?.state === "succeeded" ? [] : [`its rollback ended as ${release.rollback?.state ?? "none"}`]),
    ...(release.cause?.code === "HEALTH_TIMEOUT" && release.cause.title.includes("500")
      ? []
      : [`the cause was not named: ${release.cause?.title ?? "no cause"}`]),
    ...(beta?.state === "failed" ? [] : [`the beta batch is ${beta?.state ?? "missing"}, not failed`]),
    ...others.filter(wasTouched).map(({ name }) => `the broken release ran a step on ${name}`),
    ...others.flatMap(({ name }) => instanceProblems(name, before, after)),
    ...servesOld(beta?.targets ?? [], after),
    ...(sameRoutes(before, after) ? [] : ["the broken release changed the routes"]),
  ];
}

/** Staging touches no process, no link and no route; anything else does. */
function wasTouched({ steps }: TargetView): boolean {
  return steps.some(({ phase, state }) => phase === "run" && state !== "pending" && state !== "skipped");
}

function instanceProblems(host: string, before: Standing, after: Standing): string[] {
  const text = ({ instances }: Standing) =>
    instances
      .filter(({ hostName }) => hostName === host)
      .map(({ letter, pid, port, revisionId, state, traffic, restarts }) =>
        [letter, pid, port, revisionId, state, traffic, restarts].join(" "),
      )
      .sort()
      .join("; ");
  const [was, is] = [text(before), text(after)];
  return was === is ? [] : [`the broken release touched the instance on ${host}: ${was} became ${is}`];
}

function servesOld(targets: readonly TargetView[], after: Standing): string[] {
  return targets
    .filter(
      ({ name }) =>
        !after.instances.some(
          ({ hostName, packageVersion, state, traffic }) =>
            hostName === name && packageVersion === "2.0.0" && state === "healthy" && traffic === "attached",
        ),
    )
    .map(({ name }) => `${name} does not serve 2.0.0 after the rollback`);
}

function sameRoutes(before: Standing, after: Standing): boolean {
  const text = ({ routes }: Standing) =>
    routes.map(({ id, host, path, serviceId }) => [id, host, path, serviceId].join()).sort();
  return text(before).join(";") === text(after).join(";");
}

function requestProblems({ requests }: Seen): string[] {
  const { total, failed, perSecond, byVersion } = requests;
  return [
    ...(failed === 0 ? [] : [`${failed} of ${total} requests failed`]),
    ...(perSecond >= LOWEST_RATE ? [] : [`the load was ${perSecond} requests/s, less than ${LOWEST_RATE}`]),
    ...["1.0.0", "2.0.0"].filter((version) => !byVersion[version]).map((version) => `${version} answered no request`),
    ...(byVersion["3.0.0"] ? [`the broken 3.0.0 answered ${byVersion["3.0.0"]} requests`] : []),
  ];
}
