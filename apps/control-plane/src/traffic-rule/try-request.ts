import type { RouteTable } from "@evenkeel/contracts/route-table";
import { EVERYONE } from "@evenkeel/contracts/route-table";
import type { RequestView } from "@evenkeel/contracts/traffic/condition";
import { cellAtEntry, compileRules } from "@evenkeel/contracts/traffic/decide";
import { bodyValue, cookieOf, parameterOf, parseBody } from "@evenkeel/contracts/traffic/field";
import type { ImaginedRequest, RuleMatch } from "@evenkeel/contracts/traffic-rule";

interface Place {
  readonly id: string;
  readonly name: string;
  readonly cell: string | null;
}

interface Trial {
  readonly service: RouteTable["services"][number];
  readonly request: ImaginedRequest;
  readonly hosts: readonly Place[];
}

/** What a gateway would do with this request now. */
export function tryRequest(table: RouteTable, { service, request, hosts }: Trial): RuleMatch {
  const view = viewOf(request);
  const cell = request.cell ?? cellAtEntry(table)(view);
  const carrying = new Map(
    service.upstreams
      .filter(({ draining, weight }) => !draining && weight > 0)
      .map((one) => [one.instance as string, one]),
  );
  const named = new Map(service.subsets.map(({ name, instances }) => [name, instances as string[]]));
  const membersOf = (subset: string) =>
    subset === EVERYONE ? [...carrying.keys()] : (named.get(subset) ?? []).filter((one) => carrying.has(one));
  const decide = compileRules(service.rules, service.home);
  const { rules, sentBy, chain, lane, cell: sentTo } = decide(view, cell, (subset) => membersOf(subset).length > 0);
  const places = new Map(hosts.map((host) => [host.id, host]));
  const serving = chain.map(membersOf).find((members) => members.length > 0) ?? [];
  return {
    rules: rules.map(({ name }) => name),
    sentBy: rules[sentBy]?.name ?? null,
    lane: lane ?? request.lane,
    cell: sentTo ?? cell,
    instances: serving.flatMap((instance) => {
      const { version, zone } = carrying.get(instance) ?? {};
      const host = places.get(instance.split("/")[1] ?? "");
      if (version === undefined || zone === undefined) return [];
      return [{ instance, host: host?.name ?? "", version, zone, cell: host?.cell ?? null }];
    }),
  };
}

function viewOf({ method, path, headers, source, lane, body }: ImaginedRequest): RequestView {
  const json = parseBody(body);
  const lower = new Map(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
  const [plain = "", query = ""] = path.split(/\?(.*)/s);
  return {
    method,
    path: plain,
    source,
    lane: lane ?? undefined,
    header: (name) => lower.get(name),
    cookie: (name) => cookieOf(lower.get("cookie"), name),
    query: (name) => parameterOf(query, name),
    body: (place) => bodyValue(json, place),
  };
}
