// Where others step into the code of a module: requests, calls, events, jobs, links of a chain.
//
// 1. Every way in is counted in `visits` before the first line of the module runs, and let out exactly once; a call through a reference is counted
//    once it has answered with a promise (`service/reference.ts`).
// 2. What the module throws is its own failure: it is counted, answered with its name and goes no further.
import type { ServerResponse } from "node:http";
import type { ModuleTags } from "@evenkeel/contracts/module";
import { PlatformError } from "@evenkeel/contracts/platform-error";
import type { ComponentValue } from "../engine/process-engine.ts";
import { sentenceOf } from "../failure.ts";
import type { RequestHandler, Service, UpgradeHandler } from "../module-api.ts";
import type { Published, PublishedKind } from "../publication/board.ts";
import { answerError, answerProblem, type RouteValue } from "../publication/requests.ts";
import { refuseUpgrade, refuseWithError } from "../publication/upgrades.ts";
import { methodsOf, type Target } from "../service/reference.ts";
import { Connection, closingOf } from "./connection.ts";
import type { ModuleInstance } from "./module-instance.ts";
import type { Offer, Runtime } from "./runtime.ts";

interface Entered {
  readonly instance: ModuleInstance;
  readonly runtime: Runtime;
}

/** All that a module publishes, each value entered as its code must be. */
export function publicationsOf(instance: ModuleInstance, order: number): Published[] {
  const { offer, runtime } = instance;
  if (offer === null || runtime === null) return [];
  const entered = { instance, runtime };
  const publish = (kind: PublishedKind, name: string, value: unknown): Published => ({
    ...{ kind, name, value, order },
    module: instance.name,
    version: instance.manifest.version,
    tags: instance.tags satisfies ModuleTags,
  });
  const snippet = instance.manifest.provides.snippet;
  return [
    ...[...offer.routes].map(([path, handler]) => publish("route", path, routeValue(entered, path, handler))),
    ...[...offer.services].map(([name, service]) => publish("service", name, targetOf(entered, service))),
    ...[...offer.events].map(([name, hear]) => publish("event", name, calling(entered, hear))),
    ...jobsOf(instance, offer).map(({ name, ...job }) =>
      publish("job", name, { ...job, run: calling(entered, job.run) }),
    ),
    ...[...offer.components].map(([point, component]) => {
      const run = calling(entered, component);
      return publish("component", point, { run, businesses: businessesOf(instance, point) } satisfies ComponentValue);
    }),
    ...(snippet && offer.snippet ? [publish("snippet", snippet, calling(entered, offer.snippet))] : []),
  ];
}

function routeValue(entered: Entered, path: string, handler: RequestHandler): RouteValue {
  const upgrade = entered.instance.offer?.upgrades.get(path);
  return { serve: serving(entered, handler), upgrade: upgrade === undefined ? null : upgrading(entered, upgrade) };
}

function businessesOf({ manifest }: ModuleInstance, point: string): readonly string[] {
  return manifest.provides.components.find((each) => each.point === point)?.businesses ?? [];
}

function jobsOf({ manifest }: ModuleInstance, { jobs }: Offer) {
  return manifest.provides.jobs.flatMap(({ name, everySeconds }) => {
    const run = jobs.get(name);
    return run === undefined ? [] : [{ name, everySeconds, run }];
  });
}

const MOST_WHILE_THROTTLED = 1;

function serving(entered: Entered, handler: RequestHandler): RequestHandler {
  const { instance, runtime } = entered;
  const { visits, measures } = instance;
  return (request, response) => {
    if (isFull(instance)) return answerProblem(response, "MODULE_OVER_LIMIT", throttledFacts(instance));
    visits.pending += 1;
    instance.open.add(response);
    const beganAt = performance.now();
    let failed = false;
    response.once("close", () => {
      instance.open.delete(response);
      // A client that gives up is no failure of the module.
      measures.add(performance.now() - beganAt, failed || response.statusCode >= 500);
      leave(instance);
    });
    const fail = (error: unknown): void => {
      // Once it is answered, what fails afterwards is no part of the answer.
      if (response.writableEnded) {
        instance.fault(error);
        return;
      }
      failed = true;
      failRequest(instance, response, error);
    };
    runtime.lend(request, fail);
    runtime.lend(response, fail);
    try {
      const result = runtime.enter(() => handler(request, response));
      if (isThenable(result)) result.then(undefined, fail);
    } catch (error) {
      fail(error);
    }
  };
}

/** A connection is in hand until it ends; its measure is that of a request which lasts until it is taken. */
function upgrading(entered: Entered, handler: UpgradeHandler): UpgradeHandler {
  const { instance, runtime } = entered;
  return (request, socket, head) => {
    if (isFull(instance)) return refuseUpgrade(socket, "MODULE_OVER_LIMIT", throttledFacts(instance));
    const connection = new Connection(request, socket);
    instance.visits.pending += 1;
    instance.connections.add(connection);
    const beganAt = performance.now();
    let taken = false;
    const take = (failed: boolean): void => {
      if (!taken) instance.measures.add(performance.now() - beganAt, failed);
      taken = true;
    };
    void connection.closed.then(() => {
      take(false);
      instance.connections.delete(connection);
      leave(instance);
    });
    const fail = (error: unknown): void => {
      if (taken) instance.fault(error);
      else instance.log.add("stderr", stackOf(error));
      take(true);
      if (connection.answered) connection.end(closingOf(error));
      else refuseWithError(socket, error, instance.key);
    };
    runtime.lend(socket, fail);
    try {
      const result = runtime.enter(() => handler(request, socket, head));
      if (isThenable(result)) result.then(() => take(false), fail);
      else take(false);
    } catch (error) {
      fail(error);
    }
  };
}

function isFull({ throttled, interrupted, visits, connections, measures }: ModuleInstance): boolean {
  const most = interrupted ? 0 : throttled ? MOST_WHILE_THROTTLED : Number.POSITIVE_INFINITY;
  if (visits.inFlight - connections.size < most) return false;
  measures.throttled += 1;
  return true;
}

function leave({ visits }: ModuleInstance): void {
  if (--visits.pending === 0 && visits.awaited) visits.left();
}

function throttledFacts({ key }: ModuleInstance) {
  return { module: key, measure: "requests in flight", value: "throttled", most: MOST_WHILE_THROTTLED };
}

function failRequest({ key, log }: ModuleInstance, response: ServerResponse, error: unknown): void {
  // That its thread is gone is told once, by the thread.
  if (!(error instanceof PlatformError && error.code === "MODULE_CRASHED")) log.add("stderr", stackOf(error));
  answerError(response, error, key);
}

const stackOf = (error: unknown): string =>
  error instanceof Error ? (error.stack ?? error.message) : sentenceOf(error);

/** A function of the module as others call it. */
export function calling<Args extends unknown[], Result>(
  { instance, runtime }: Entered,
  fn: (...args: Args) => Result,
): (...args: Args) => Result {
  const { visits, measures } = instance;
  return (...args) => {
    visits.inside += 1;
    const beganAt = performance.now();
    const settled = (failed: boolean): void => measures.add(performance.now() - beganAt, failed);
    try {
      const result = runtime.enter(() => fn(...args));
      if (isThenable(result)) return visits.follow(result, settled) as Result;
      settled(false);
      return result;
    } catch (error) {
      settled(true);
      throw error;
    } finally {
      if (--visits.inside === 0 && visits.awaited) visits.left();
    }
  };
}

// An asynchronous method opens things after its caller has gone on, so it runs as its provider's. A synchronous one runs as its caller's: entering the
// context of the provider would cost forty times the call.
function targetOf({ instance, runtime }: Entered, service: object): Target {
  const methods = methodsOf(service);
  // Called on the object itself a method is inlined; a bound one costs a call more.
  if (!methods.some((name) => isAsync((service as Service)[name] as object)))
    return { impl: service as Service, visits: instance.visits };
  const impl: Service = Object.create(null) as Service;
  for (const name of methods) {
    const method = (service as Service)[name] as Service[string];
    const own = method.bind(service);
    impl[name] = isAsync(method) ? (...args: unknown[]) => runtime.enter(() => own(...args)) : own;
  }
  return { impl, visits: instance.visits };
}

const isAsync = (method: object): boolean => method.constructor.name === "AsyncFunction";

function isThenable(value: unknown): value is Promise<unknown> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}
