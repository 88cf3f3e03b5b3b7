import type { ServiceId } from "@evenkeel/contracts/id";
import { EVERYONE, type RouteTable, type TableRule } from "@evenkeel/contracts/route-table";
import { compileRules, type Decide } from "@evenkeel/contracts/traffic/decide";
import { Places } from "../rule/concurrency.ts";
import { RateCounter } from "../rule/rate.ts";
import { Counter, type Ending } from "../statistics.ts";
import type { Instance } from "./instance.ts";
import { Standing } from "./standing.ts";
import { Subset } from "./subset.ts";

// A client that keeps asking while there is nobody to answer must not fill the memory.
const MAX_PARKED = 10_000;

export type ServiceEntry = RouteTable["services"][number];

/** A rule with what it counts. */
export interface ActiveRule extends TableRule {
  readonly rate: RateCounter | null;
  readonly places: Places | null;
}

const HOME: readonly string[] = [EVERYONE];
const NOBODY: readonly Instance[] = [];

/** A service as the table in force has it; the same object through all tables, so that what waits for it finds the next. */
export class Service {
  readonly id: ServiceId;
  readonly responseTimeoutMs: number;
  /** For requests that found no instance. */
  readonly counter: Counter;
  name = "";
  parkMs = 0;
  instances: readonly Instance[] = NOBODY;
  /** Null = every request may go to every instance, and nothing is to be decided. */
  decide: Decide<ActiveRule> | null = null;
  looksIntoBodies = false;
  readonly standing: Standing;
  #rules: readonly ActiveRule[] = [];
  #subsets = new Map<string, Subset>();
  readonly #parked = new Set<() => void>();

  constructor(id: ServiceId, responseTimeoutMs: number) {
    this.id = id;
    this.responseTimeoutMs = responseTimeoutMs;
    this.counter = new Counter(id, null, "");
    this.standing = new Standing();
  }

  /** Takes rules and policy of a table; its instances are there already. */
  goBy(entry: Pick<ServiceEntry, "subsets" | "rules" | "home" | "policy">, zone: string | null): void {
    const { subsets, rules, home, policy } = entry;
    const nearZone = policy.zoneFirst ? zone : null;
    const byKey = new Map(this.instances.map((instance) => [instance.upstream.instance, instance]));
    const before = this.#subsets;
    const make = (name: string, instances: readonly Instance[]): [string, Subset] => [
      name,
      new Subset(instances, nearZone, before.get(name)),
    ];
    this.#subsets = new Map([
      make(EVERYONE, this.instances),
      ...subsets.map(({ name, instances }) =>
        make(
          name,
          instances.flatMap((key) => byKey.get(key) ?? []),
        ),
      ),
    ]);
    this.#rules = rules.map((rule) => activate(rule, this.#rules));
    const isPlain =
      rules.length === 0 && home.cells.length === 0 && home.chain.length === 1 && home.chain[0] === EVERYONE;
    this.decide = isPlain ? null : compileRules(this.#rules, home);
    this.looksIntoBodies = rules.some(({ conditions }) => conditions.some(({ field }) => field === "body"));
    this.standing.goBy(policy, this.instances);
  }

  serves(subset: string): boolean {
    return this.#subsets.get(subset)?.serves === true;
  }

  /** Whose turn it is in the first subset of the chain that has anybody. */
  choose(chain: readonly string[], tried: readonly Instance[]): Instance | null {
    for (const name of chain) {
      const found = this.#subsets.get(name)?.pick(tried);
      if (found != null) return found;
    }
    return null;
  }

  /** Where a request goes of which nothing is to be decided. */
  get home(): readonly string[] {
    return HOME;
  }

  /** How a request ended; the instance and the service are judged by it. */
  ended(instance: Instance | null, ending: Ending, latencyMs: number): void {
    (instance?.counter ?? this.counter).ended(ending, latencyMs);
    this.standing.ended(instance, ending);
  }

  /** Requests that wait for a place of a rule, or for an instance. */
  get queued(): number {
    return this.#rules.reduce((sum, { places }) => sum + (places?.waiting ?? 0), this.#parked.size);
  }

  /** Calls back when the table has changed, or when the time is over; false when too many wait already. */
  park(waitMs: number, wake: () => void): boolean {
    if (this.#parked.size >= MAX_PARKED) return false;
    const wakeOnce = (): void => {
      clearTimeout(timer);
      if (this.#parked.delete(wakeOnce)) wake();
    };
    const timer = setTimeout(wakeOnce, waitMs);
    this.#parked.add(wakeOnce);
    return true;
  }

  /** Lets those who wait look again. */
  wake(): void {
    for (const wakeOnce of [...this.#parked]) wakeOnce();
  }
}

/** What a rule has counted it keeps, as long as it counts the same. */
function activate(rule: TableRule, before: readonly ActiveRule[]): ActiveRule {
  const was = before.find(({ name }) => name === rule.name);
  const isSame = (field: "rateLimit" | "concurrency") =>
    was !== undefined && JSON.stringify(was[field]) === JSON.stringify(rule[field]);
  const { rateLimit, concurrency } = rule;
  return {
    ...rule,
    rate: rateLimit === null ? null : isSame("rateLimit") ? (was?.rate ?? null) : new RateCounter(rateLimit),
    places: concurrency === null ? null : isSame("concurrency") ? (was?.places ?? null) : new Places(concurrency),
  };
}
