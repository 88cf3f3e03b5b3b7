import { Name } from "@evenkeel/contracts/id";
import type { World } from "../world.ts";

/** So long are names. */
const LONGEST = 60;

/** The rule by which a service's releases are tried in the idle cell. */
export function trialName({ service, fresh }: Pick<World, "service" | "fresh">, name: string): Name {
  const own = `trial-${name}`;
  return Name.parse(own.length <= LONGEST ? own : `trial-${(service?.id ?? fresh.serviceId).slice(4)}`);
}
