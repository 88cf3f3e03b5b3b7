import { RELEASE_ORDER } from "@evenkeel/client/deployment";
import { shortId, stateMark, stateName } from "@evenkeel/client/text/change";
import { elapsed, type Line, line, span } from "@evenkeel/client/text/line";
import { lastOutput } from "@evenkeel/client/text/problem";
import type { Change } from "@evenkeel/contracts/change";
import { type ReleaseOrderSpec, releasesOf, serviceOf } from "@evenkeel/contracts/release-order";
import type { Route } from "@evenkeel/contracts/service";
import { actionsOf } from "./change/actions.ts";
import { type CarryOptions, carryOut } from "./change/carry-out.ts";
import { type Cli, commandLines } from "./context.ts";
import { Exit } from "./exit.ts";
import { findService } from "./service.ts";

/** Plans an order without storing anything. */
export async function planOrder(cli: Cli, spec: ReleaseOrderSpec) {
  return await (await cli.client()).planChange({ body: { kind: RELEASE_ORDER, spec } });
}

/** Carries an order out, and tells how it ended: where it answers, or the cause and what may be done. */
export async function release(cli: Cli, spec: ReleaseOrderSpec, options: CarryOptions): Promise<void> {
  const question = "Release it all the same?";
  const ended = await carryOut(cli, { kind: RELEASE_ORDER, spec, question }, options);
  if (ended === null) return;
  cli.answer(ended, ended.state === "succeeded" ? await success(cli, spec, ended) : await failure(cli, spec, ended));
  if (ended.state !== "succeeded") throw new Exit(1);
}

async function success(cli: Cli, spec: ReleaseOrderSpec, change: Change): Promise<Line[]> {
  const took = elapsed(change.startedAt, change.finishedAt, Date.now());
  const where = await addressesOf(cli, spec);
  return [
    line(""),
    line(span("✔", "good"), " ", span(change.title, "bold"), ` succeeded in ${took}`),
    ...(where.length === 0 ? [] : [line(span(`  it answers at ${where.join(", ")}`, "dim"))]),
  ];
}

/** The routes as addresses, where the workspace has one gateway; else as they stand in the manifests. */
async function addressesOf(cli: Cli, spec: ReleaseOrderSpec): Promise<string[]> {
  const { workspace } = spec;
  const routes = releasesOf(spec).flatMap((release) =>
    "package" in release ? (release.definition?.routes ?? []) : [],
  );
  const { items } = await (await cli.client()).listGateways({ query: { workspace } }).catch(() => ({ items: [] }));
  const gateway = items.length === 1 && items[0]?.url ? items[0].url : null;
  return routes.map((route) => addressOf(route, gateway));
}

/** Every name leads to a route for `*`: the gateway's own is one that a person can ask. */
export function addressOf({ host, path }: Pick<Route, "host" | "path">, gateway: string | null): string {
  if (gateway === null) return `${host}${path}`;
  const { hostname, port } = new URL(gateway);
  return `http://${host === "*" ? hostname : host}:${port}${path}`;
}

/** What to look at and what may be done: the tree or the news above have named the cause. */
async function failure(cli: Cli, spec: ReleaseOrderSpec, change: Change): Promise<Line[]> {
  return [
    line(""),
    line(stateMark(change.state), " ", span(change.title, "bold"), ": ", stateName(change.state)),
    ...(await applicationLogs(cli, spec, change)),
    ...commandLines(cli, [...actionsOf(change), [`change show ${shortId(change.id)}`, "tells all of it"]]),
  ];
}

const LOG_LINES = 20;

/** The application's own output, where the failed step has not shown it yet. */
async function applicationLogs(cli: Cli, spec: ReleaseOrderSpec, change: Change): Promise<Line[]> {
  const targets = change.groups.flatMap((group) => group.batches.flatMap((batch) => batch.targets));
  const failed = targets.find(({ problem }) => problem !== null);
  if (failed === undefined || lastOutput(failed).length > 0) return [];
  try {
    // In an order over several services a target is called service@host.
    const [host = "", name] = failed.name.split("@").reverse();
    const service = await findService(cli, name ?? serviceOf(releasesOf(spec)[0]!));
    const client = await cli.client();
    const lines: Line[] = [];
    for await (const { text } of client.readLogs(service.id, { host, lines: LOG_LINES })) {
      lines.push(line(span("    │ ", "dim"), text));
    }
    return lines.length === 0 ? [] : [line(`  last output on ${failed.name}:`), ...lines];
  } catch {
    // The failure itself has been told; a host that is gone has no logs to add.
    return [];
  }
}
