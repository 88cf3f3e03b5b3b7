import { randomBytes } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { API_PREFIX, type OperationName } from "@evenkeel/contracts/api";
import { PlatformError } from "@evenkeel/contracts/error";
import type { Log } from "@evenkeel/kit/log";
import { type FastifyBaseLogger, type FastifyInstance, type FastifyRequest, fastify, LogController } from "fastify";
import { dropBody } from "./drop-body.ts";
import type { Handlers } from "./handler.ts";
import { asPlatformError, BODY_LIMIT_BYTES } from "./problem.ts";
import { ENDPOINTS, type RespondDeps, type Route, respond, sendProblem } from "./respond.ts";
import { type Site, sendPage } from "./site.ts";

/** What is served over HTTP. */
export interface Service extends Omit<RespondDeps, "ending"> {
  readonly handlers: Partial<Handlers<OperationName>>;
  /** Documents beside the API, by path; made when somebody asks for one. */
  readonly documents: Readonly<Record<string, () => unknown>>;
  /** The console; null = it was not built. */
  readonly site: Site | null;
}

function noCompiler(): never {
  throw new Error("a route has a schema of the framework");
}

const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"] as const;

/** Makes routes of the handlers. */
export function makeApp(service: Service, ending: AbortSignal, log: Log): FastifyInstance {
  const loggerInstance: FastifyBaseLogger = log;
  const app = fastify({
    loggerInstance,
    genReqId: traceIdOf,
    bodyLimit: BODY_LIMIT_BYTES,
    exposeHeadRoutes: false,
    routerOptions: { maxParamLength: 300 },
    // Each request would cost two lines; refusals and failures have their own.
    logController: new LogController({ disableRequestLogging: true }),
    // What comes and goes is parsed by its endpoint: the libraries for that are not even loaded, which makes a start quicker.
    schemaController: { compilersFactory: { buildValidator: noCompiler, buildSerializer: noCompiler } },
    frameworkErrors: (error, request, reply) => sendProblem(reply, asPlatformError(error, request.id), request.id),
  });
  app.setErrorHandler(async (error, request, reply) => {
    const problem = asPlatformError(error, request.id);
    if (problem.code === "BODY_TOO_LARGE") await dropBody(request.raw);
    sendProblem(reply, problem, request.id);
    return reply;
  });
  app.setNotFoundHandler((request, reply) => {
    if (sendPage(service.site, request, reply)) return;
    const resource = `address ${request.url.split("?")[0]}`;
    sendProblem(reply, new PlatformError("NOT_FOUND", { resource }), request.id);
  });
  // Endpoints without fields take a POST without a body.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("application/json", { parseAs: "string" }, parseJson(app));
  const routes = routesOf(service);
  const deps: RespondDeps = { ...service, ending };
  app.register(async (scope) =>
    addRoutes(
      scope,
      deps,
      routes.filter((route) => route.endpoint.bodyKind !== "raw"),
    ),
  );
  app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser("*", (_request, payload, done) => done(null, payload));
    addRoutes(
      scope,
      deps,
      routes.filter((route) => route.endpoint.bodyKind === "raw"),
    );
  });
  for (const [path, make] of Object.entries(service.documents)) {
    let text: string | null = null;
    app.get(path, (_, reply) => {
      text ??= JSON.stringify(make());
      void reply.type("application/json; charset=utf-8").send(text);
    });
  }
  refuseOtherMethods(app, routes, Object.keys(service.documents));
  return app;
}

type ParseJson = (request: FastifyRequest, body: string, done: (error: Error | null, body?: unknown) => void) => void;

function parseJson(app: FastifyInstance): ParseJson {
  // Refuses `__proto__` and `constructor` as names of fields.
  const parse = app.getDefaultJsonParser("error", "error") as ParseJson;
  return (request, body, done) => (body === "" ? done(null) : parse(request, body, done));
}

function routesOf({ handlers }: Service): Route[] {
  return Object.entries(handlers).map(([key, handler]) => {
    const name = key as OperationName;
    return { name, endpoint: ENDPOINTS[name], handler: handler as Route["handler"] };
  });
}

function addRoutes(app: FastifyInstance, deps: RespondDeps, routes: readonly Route[]): void {
  for (const route of routes) {
    app.route({
      method: route.endpoint.method,
      url: urlOf(route),
      handler: async (request, reply) => {
        await respond(deps, route, [request, reply]);
        return reply;
      },
    });
  }
}

function urlOf({ endpoint }: Route): string {
  return `${API_PREFIX}${endpoint.path.replaceAll(/\{(\w+)\}/g, ":$1")}`;
}

function refuseOtherMethods(app: FastifyInstance, routes: readonly Route[], documents: readonly string[]): void {
  const known = new Map<string, Set<string>>();
  for (const route of routes) {
    // Two endpoints may name the same parameter of a path differently, and the router does not mind.
    known.set(urlOf(route), (known.get(urlOf(route)) ?? new Set()).add(route.endpoint.method));
  }
  for (const path of documents) known.set(path, new Set(["GET"]));
  for (const [url, allowed] of known) {
    app.route({
      url,
      method: METHODS.filter((method) => !allowed.has(method)),
      handler: (request, reply) => {
        reply.header("allow", [...allowed].join(", "));
        const facts = { method: request.method, allowed: [...allowed] };
        sendProblem(reply, new PlatformError("METHOD_NOT_ALLOWED", facts), request.id);
      },
    });
  }
}

function traceIdOf(request: IncomingMessage): string {
  const header = request.headers.traceparent;
  const given = typeof header === "string" ? /^00-([0-9a-f]{32})-[0-9a-f]{16}-/.exec(header)?.[1] : undefined;
  return given ?? randomBytes(16).toString("hex");
}
