import type { ModuleManifest } from "@evenkeel/contracts/module";
import { PlatformError } from "@evenkeel/contracts/platform-error";
import type { ModuleOffer, RequestHandler, UpgradeHandler } from "../module-api.ts";
import { answerProblem } from "../publication/requests.ts";
import type { Offer } from "./runtime.ts";

/** What `activate` returned, as far as the manifest promises it; refuses a promise that was not kept. */
export function offerOf(manifest: ModuleManifest, given: ModuleOffer): Offer {
  const module = `${manifest.name}@${manifest.version}`;
  const { provides } = manifest;
  const all = <Value>(kind: string, names: readonly string[], values: Readonly<Record<string, Value>> = {}) =>
    new Map(names.map((name) => [name, kept({ module, kind, name }, values[name])]));
  const paths = provides.routes.map(({ path }) => path);
  const upgrades = upgradesOf({ module, paths }, given.upgrades);
  // Where there are upgrades alone, that is what any other request is told.
  const upgraded = [...upgrades.keys()].map((path) => [path, upgradesOnly(module, path)]);
  const handlers = typeof given.routes === "function" ? everywhere(paths, given.routes) : given.routes;
  const routes: Record<string, RequestHandler> = { ...Object.fromEntries(upgraded), ...handlers };
  const jobs = provides.jobs.map(({ name }) => name);
  const points = provides.components.map(({ point }) => point);
  const { snippet } = provides;
  return {
    routes: all("route", paths, routes),
    upgrades,
    services: all("service", provides.services, given.services),
    events: all("event", provides.events, given.events),
    jobs: all("job", jobs, given.jobs),
    components: all("component", points, given.components),
    snippet: snippet === undefined ? null : kept({ module, kind: "snippet", name: snippet }, given.snippet),
    health: given.health ?? null,
  };
}

function kept<Value>(promise: { module: string; kind: string; name: string }, value: Value | undefined): Value {
  if (value === undefined || value === null) throw new PlatformError("MODULE_INCOMPLETE", promise);
  return value;
}

const everywhere = <Handler>(paths: readonly string[], handler: Handler): Record<string, Handler> =>
  Object.fromEntries(paths.map((path) => [path, handler]));

function upgradesOf(
  { module, paths }: { readonly module: string; readonly paths: readonly string[] },
  given: ModuleOffer["upgrades"] = {},
): Map<string, UpgradeHandler> {
  const upgrades = typeof given === "function" ? everywhere(paths, given) : given;
  const stray = Object.keys(upgrades).find((path) => !paths.includes(path));
  if (stray !== undefined) throw new PlatformError("UPGRADE_UNDECLARED", { module, path: stray });
  return new Map(Object.entries(upgrades));
}

const upgradesOnly =
  (module: string, path: string): RequestHandler =>
  (_, response) => {
    response.setHeader("upgrade", "websocket");
    answerProblem(response, "UPGRADE_REQUIRED", { module, path });
  };
