// How HAProxy meets a request: what it takes away, what it says of it, and to whom it goes.
import { SESSION_COOKIE } from "@evenkeel/contracts/session";
import { tlsOf } from "./certificate-list.ts";
import { HOSTS_MAP, PATHS_MAP, type Routing, WILDCARDS_MAP } from "./routing.ts";

/** From so many requests a second on three of four are not logged; from four times as many on of the rest, and so on: up to so many lines a second. */
const LOGGED_PER_SECOND = 256;
const THINNINGS = 5;

/** What the edge depends on beside the routes. */
export interface Edge {
  readonly trustForwarded: boolean;
  readonly proxies: readonly string[];
  readonly tls: boolean;
  /** Rules by which requests are passed to the gateway's own process. */
  readonly looks: readonly string[];
  /** One certificate is for clients that no other is for. */
  readonly fallback: boolean;
}

export function frontend(routing: Routing, edge: Edge): string[] {
  return [
    "frontend edge",
    "  bind fd@3",
    ...(edge.tls ? [`  bind fd@4 ${tlsOf(edge.fallback)}`] : []),
    ...(edge.proxies.length > 0
      ? [`  tcp-request connection expect-proxy layer4 if { src ${edge.proxies.join(" ")} }`]
      : []),
    "  http-error status 400 content-type application/problem+json file bad.json",
    "  http-error status 408 content-type application/problem+json file late.json",
    `  http-request set-log-level silent if ${thinned()}`,
    "  acl address url_beg -i http:// https://",
    // What is left of `http://host` is nothing.
    "  http-request set-uri / if address !{ pathq -m found }",
    "  http-request set-uri %[pathq] if address",
    `  http-request lua.drop_hop if { req.hdr(connection) -m found } !{ req.hdr(connection) ${ONE_HOP} }`,
    ...answers(),
    ...target(routing),
    ...edge.looks,
    `  http-request set-var-fmt(txn.id) ${RANDOM.repeat(4)}`,
    ...usual(edge),
    // From here on only requests that bring one of the headers below.
    ...identity(),
    ...forwarded(edge),
    ...dropped(),
    ...choice(routing, edge.looks.length > 0),
    "",
    "backend bad",
    "  http-request return status 400 content-type application/problem+json file bad.json",
    "  http-after-response set-header connection close",
    "",
    "backend none",
    "  http-request return status 404 content-type application/problem+json lf-file none.json",
    "",
  ];
}

/** By what HAProxy itself counts: a burst is thinned from its first second on. */
function thinned(): string {
  const rates = Array.from({ length: THINNINGS }, (_, index) => LOGGED_PER_SECOND * 4 ** index);
  return rates.map((rate) => `{ fe_req_rate ge ${rate} } { rand(4) ge 1 }`).join(" || ");
}

const ONE_HOP = "-m str -i keep-alive close upgrade";
// 32 random bits as digits. A number has eight bytes, of which the first four are 0.
const RANDOM = "%[rand,hex,bytes(8,8),lower]";
const TRACE = "00-%[var(txn.id)]-%[var(txn.id),bytes(16,16)]-01";

/** What belongs to one hop, or what only a gateway may say. */
const DROPPED = [
  ...["keep-alive", "proxy-connection", "proxy-authorization", "trailer", "http2-settings"],
  ...["x-forwarded-port", "x-real-ip", "forwarded"],
];
/** What is looked at where a request brings it. */
const LOOKED_AT = [
  ...["x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "traceparent", "tracestate", "x-request-id"],
  ...["te", "upgrade", "content-length", "transfer-encoding", "cookie", "baggage"],
];

/** A request that brings none of these needs no more than to be told from others: one pattern on the names of its headers costs less than a rule for each. */
function usual({ tls, trustForwarded }: Edge): string[] {
  const one = `(?:^|,)(?:${[...DROPPED, ...LOOKED_AT].join("|")})(?:,|$)`;
  return [
    `  http-request set-var(txn.usual) bool(1) unless { req.hdr_names -m reg -i ${one} }`,
    "  acl usual var(txn.usual) -m found",
    "  http-request add-header x-request-id %[var(txn.id)] if usual",
    `  http-request add-header traceparent ${TRACE} if usual`,
    ...(trustForwarded ? ["  http-request add-header x-forwarded-for %[src] if usual"] : []),
    `  http-request add-header x-forwarded-proto ${schemeOf(tls)} if usual`,
    "  http-request add-header x-forwarded-host %[req.hdr(host)] if usual",
    "  http-request allow if usual",
  ];
}

const schemeOf = (tls: boolean): string => (tls ? "%[ssl_fc,iif(https,http)]" : "http");

function identity(): string[] {
  return [
    "  acl traced req.hdr(traceparent) -m reg ^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}",
    "  http-request del-header tracestate unless traced",
    `  http-request set-header traceparent ${TRACE} unless traced`,
    "  http-request set-var(txn.id) req.hdr(x-request-id) if { req.hdr(x-request-id) -m reg ^[A-Za-z0-9_.:+/=@-]{1,128}$ }",
    "  http-request set-header x-request-id %[var(txn.id)]",
  ];
}

function forwarded({ trustForwarded, tls }: Edge): string[] {
  const scheme = schemeOf(tls);
  if (!trustForwarded) {
    return [
      // Its own way of saying it costs half of what a rendered header costs.
      "  http-request del-header x-forwarded-for",
      "  option forwardfor header x-forwarded-for",
      `  http-request set-header x-forwarded-proto ${scheme}`,
      "  http-request set-header x-forwarded-host %[req.hdr(host)]",
    ];
  }
  return [
    "  http-request set-header x-forwarded-for %[req.fhdr(x-forwarded-for)],\\ %[src] if { req.hdr(x-forwarded-for) -m found }",
    "  http-request set-header x-forwarded-for %[src] unless { req.hdr(x-forwarded-for) -m found }",
    `  http-request set-header x-forwarded-proto ${scheme} unless { req.hdr(x-forwarded-proto) -m found }`,
    "  http-request set-header x-forwarded-host %[req.hdr(host)] unless { req.hdr(x-forwarded-host) -m found }",
  ];
}

function dropped(): string[] {
  return [
    ...DROPPED.map((name) => `  http-request del-header ${name}`),
    "  http-request lua.drop_marks if { req.hdr(baggage) -m sub -i lane cell }",
    // Browsers send cookies to every port of a name: a person's session of the platform is not the application's to see.
    `  http-request lua.drop_cookie ${SESSION_COOKIE} if { req.cook(${SESSION_COOKIE}) -m found }`,
    "  http-request del-header te if { req.hdr(te) -m found } !{ req.hdr(te) -m str -i trailers }",
    "  http-request del-header upgrade if { req.hdr(upgrade) -m reg -i ^h2c?$ }",
  ];
}

function answers(): string[] {
  return [
    `  http-response lua.drop_hop_of_answer if { res.hdr(connection) -m found } !{ res.hdr(connection) ${ONE_HOP} }`,
    "  http-response lua.tell_draining if { var(proc.draining) -m int 1 }",
    "  http-response del-header keep-alive",
    "  http-response del-header proxy-connection",
  ];
}

/** Finds the service of a request. */
function target(routing: Routing): string[] {
  const slash = "concat(/)";
  switch (routing.kind) {
    case "one":
      return [];
    case "path":
      return [`  http-request set-var(txn.target) path,${slash},map_beg(${PATHS_MAP})`];
    case "host":
      return [
        "  http-request set-var(txn.name) req.hdr(host),host_only,rtrim(.),lower",
        `  http-request set-var(txn.host) var(txn.name),map_str(${HOSTS_MAP})`,
        ...(routing.wildcards === ""
          ? []
          : [
              `  http-request set-var(txn.host) var(txn.name),map_end(${WILDCARDS_MAP}) unless { var(txn.host) -m found }`,
            ]),
        "  http-request set-var(txn.host) str(*) unless { var(txn.host) -m found }",
        "  http-request set-var(txn.path) path",
        `  http-request set-var(txn.target) var(txn.host),concat(,txn.path),${slash},map_beg(${PATHS_MAP})`,
      ];
  }
}

/** The backend of the service that is meant for requests like this one. */
function choice(routing: Routing, hasLooks: boolean): string[] {
  const found = routing.kind === "one" ? routing.target : "%[var(txn.target)]";
  return [
    "  acl kept method GET HEAD OPTIONS",
    "  acl body req.hdr_val(content-length) gt 0",
    "  acl body req.hdr(transfer-encoding) -m found",
    "  acl raw method GET",
    "  acl upgrades req.hdr(upgrade) -m found",
    "  acl own var(txn.own) -m found",
    // What is read otherwise by others on the way: a target without a path, several hosts, a host that is no name.
    "  acl rooted path_beg /",
    "  acl named req.fhdr(host) -m reg -i '^([a-z0-9_.~%-]*|\\[[0-9a-f:.]+\\])(:[0-9]*)?$'",
    "  use_backend bad unless rooted { req.fhdr_cnt(host) 1 } named || rooted { req.fhdr_cnt(host) 0 } HTTP_1.0",
    ...(routing.kind === "one" ? [] : ["  use_backend none if !{ var(txn.target) -m found }"]),
    `  use_backend ${found}.kept if usual kept${hasLooks ? " !own" : ""}`,
    ...(hasLooks
      ? [
          "  use_backend %[var(txn.own)].raw if own raw upgrades",
          "  use_backend %[var(txn.own)].once if own !kept || own body",
          "  use_backend %[var(txn.own)].kept if own",
        ]
      : []),
    `  use_backend ${found}.raw if raw upgrades`,
    `  use_backend ${found}.once if !kept || body`,
    `  use_backend ${found}.kept`,
  ];
}
