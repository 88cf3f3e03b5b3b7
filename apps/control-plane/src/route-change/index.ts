import { ROUTE_CHANGE, RouteChangeSpec } from "@evenkeel/contracts/traffic-rule";
import { z } from "zod";
import type { ChangeKind, ControlStep } from "../change/index.ts";
import { parseInput } from "../http/index.ts";
import { inverseOfRouteChange } from "./inverse.ts";
import { locksOfRouteChange, planRouteChange } from "./plan.ts";
import { readRouteWorld } from "./read-world.ts";
import { setRulesStep } from "./set-rules-step.ts";
import type { RouteWorld } from "./world.ts";

/** A refusal names the field as it stands in the request. */
const Request = z.strictObject({ spec: RouteChangeSpec });

const routeChange: ChangeKind<RouteChangeSpec, RouteWorld> = {
  kind: ROUTE_CHANGE,
  parse: (spec) => parseInput(Request, { spec }).spec,
  read: readRouteWorld,
  workspaceOf: (world) => world.workspace.id,
  locks: locksOfRouteChange,
  plan: planRouteChange,
  review: () => null,
  inverse: inverseOfRouteChange,
};

/** Rules, policies and weights of cells, altered at once or by steps. */
export const routeChangeKind: { readonly kind: ChangeKind; readonly controlSteps: readonly ControlStep[] } = {
  kind: routeChange as unknown as ChangeKind,
  controlSteps: [setRulesStep],
};
