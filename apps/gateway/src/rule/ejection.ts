import type { Ejection } from "@evenkeel/contracts/traffic-rule";

/** How a request ended, as its instance is judged by it. */
export type Verdict = "success" | "5xx" | "gateway-failure";

interface Health {
  fives: number;
  gatewayFailures: number;
  /** Since the last sweep. */
  requests: number;
  failures: number;
  /** Ejections in a row; falls by one with every sweep that finds it well. */
  times: number;
  ejectedAtMs: number | null;
}

interface Outliers {
  readonly threshold: number;
  readonly hosts: readonly [string, Health][];
}

/** Which instances of one service are left alone for a while: Envoy's outlier detection, with local failures counted among the others. */
export class OutlierDetection {
  readonly #policy: Ejection;
  readonly #healths = new Map<string, Health>();
  /** From 0 to 1; Envoy draws for each ejection whether it is enforced. */
  readonly #draw: () => number;

  constructor(policy: Ejection, draw: () => number) {
    this.#policy = policy;
    this.#draw = draw;
  }

  /** These are the instances; those that are no longer there are forgotten. */
  keep(instances: readonly string[]): void {
    const known = new Set(instances);
    for (const instance of this.#healths.keys()) if (!known.has(instance)) this.#healths.delete(instance);
    for (const instance of instances) if (!this.#healths.has(instance)) this.#healths.set(instance, unknownHealth());
  }

  isEjected(instance: string): boolean {
    return this.#healths.get(instance)?.ejectedAtMs != null;
  }

  /** Takes note of how one request ended; consecutive failures act at once. True when an instance was ejected by it. */
  record(instance: string, verdict: Verdict, nowMs: number): boolean {
    const health = this.#healths.get(instance);
    if (health === undefined) return false;
    health.requests += 1;
    if (verdict !== "success") health.failures += 1;
    health.fives = verdict === "success" ? 0 : health.fives + 1;
    health.gatewayFailures = verdict === "gateway-failure" ? health.gatewayFailures + 1 : 0;
    if (health.ejectedAtMs !== null) return false;
    const policy = this.#policy;
    const [fives, gateway] = [policy.consecutive5xx, policy.consecutiveGatewayFailure];
    if (health.fives >= fives && this.#eject(health, policy.enforcingConsecutive5xx, nowMs)) return true;
    return health.gatewayFailures >= gateway && this.#eject(health, policy.enforcingConsecutiveGatewayFailure, nowMs);
  }

  /** Every `intervalSeconds`: takes back whose time is over, ejects those that stand out. True when anything changed. */
  sweep(nowMs: number): boolean {
    const { enforcingSuccessRate, enforcingFailurePercentage } = this.#policy;
    const back = this.#takeBack(nowMs);
    const slow = this.#ejectAll(this.#bySuccessRate(), enforcingSuccessRate, nowMs);
    const failing = this.#ejectAll(this.#byFailurePercentage(), enforcingFailurePercentage, nowMs);
    for (const health of this.#healths.values()) health.requests = health.failures = 0;
    return back || slow || failing;
  }

  #takeBack(nowMs: number): boolean {
    let changed = false;
    for (const health of this.#healths.values()) {
      if (health.ejectedAtMs === null) health.times = Math.max(0, health.times - 1);
      else if (nowMs - health.ejectedAtMs >= this.#ejectionMs(health)) {
        health.ejectedAtMs = null;
        changed = true;
      }
    }
    return changed;
  }

  #ejectAll({ hosts, threshold }: Outliers, enforcing: number, nowMs: number): boolean {
    const outside = hosts.filter(([, health]) => health.ejectedAtMs === null && successRate(health) < threshold);
    return outside.map(([, health]) => this.#eject(health, enforcing, nowMs)).includes(true);
  }

  /** So few are left that all are used again. */
  get panic(): boolean {
    const all = this.#healths.size;
    return all > 0 && ((all - this.#ejected()) / all) * 100 < this.#policy.panicPercent;
  }

  #ejectionMs({ times }: Health): number {
    const { baseEjectionSeconds, maxEjectionSeconds } = this.#policy;
    return Math.min(baseEjectionSeconds * times, Math.max(maxEjectionSeconds, baseEjectionSeconds)) * 1000;
  }

  #ejected(): number {
    return [...this.#healths.values()].filter(({ ejectedAtMs }) => ejectedAtMs !== null).length;
  }

  #eject(health: Health, enforcing: number, nowMs: number): boolean {
    const limit = Math.max(1, Math.floor((this.#healths.size * this.#policy.maxEjectionPercent) / 100));
    if (this.#ejected() >= limit || this.#draw() * 100 >= enforcing) return false;
    health.ejectedAtMs = nowMs;
    health.times += 1;
    health.fives = health.gatewayFailures = 0;
    return true;
  }

  #measured(volume: number): [string, Health][] {
    return [...this.#healths].filter(([, { requests, ejectedAtMs }]) => ejectedAtMs === null && requests >= volume);
  }

  #bySuccessRate(): Outliers {
    const { successRateRequestVolume, successRateMinimumHosts, successRateStdevFactor } = this.#policy;
    const hosts = this.#measured(successRateRequestVolume);
    if (hosts.length < successRateMinimumHosts) return NOBODY;
    const rates = hosts.map(([, health]) => successRate(health));
    const mean = rates.reduce((sum, rate) => sum + rate, 0) / rates.length;
    const variance = rates.reduce((sum, rate) => sum + (rate - mean) ** 2, 0) / rates.length;
    return { hosts, threshold: mean - successRateStdevFactor * Math.sqrt(variance) };
  }

  #byFailurePercentage(): Outliers {
    const { failurePercentageRequestVolume, failurePercentageMinimumHosts, failurePercentageThreshold } = this.#policy;
    const hosts = this.#measured(failurePercentageRequestVolume);
    if (hosts.length < failurePercentageMinimumHosts) return NOBODY;
    // At the threshold it is an outlier already.
    return { hosts, threshold: 1 - failurePercentageThreshold / 100 + Number.EPSILON };
  }
}

const NOBODY: Outliers = { threshold: 0, hosts: [] };
const unknownHealth = (): Health => ({
  ...{ fives: 0, gatewayFailures: 0, requests: 0, failures: 0, times: 0 },
  ejectedAtMs: null,
});
const successRate = ({ requests, failures }: Health): number => (requests === 0 ? 1 : 1 - failures / requests);
