// How the instances of one service stand: who is ejected, who is still warming up, whether the service is left alone.
import type { Ejection, TrafficPolicy, WarmUp } from "@evenkeel/contracts/traffic-rule";
import { CircuitBreaker } from "../rule/circuit.ts";
import { OutlierDetection, type Verdict } from "../rule/ejection.ts";
import { isPointless, warmShare } from "../rule/warm-up.ts";
import type { Ending } from "../statistics.ts";
import type { Instance } from "./instance.ts";

const WARM_EVERY_MS = 1000;

export class Standing {
  circuit: CircuitBreaker | null = null;
  #instances: readonly Instance[] = [];
  #outliers: OutlierDetection | null = null;
  #warmUp: WarmUp | null = null;
  #sweeping: NodeJS.Timeout | undefined;
  #warming: NodeJS.Timeout | undefined;
  #policy = "";
  /** When it came in, for those that came beside others. */
  readonly #since = new WeakMap<Instance, number>();

  goBy(policy: TrafficPolicy, instances: readonly Instance[]): void {
    const isFirst = this.#instances.length === 0;
    for (const instance of instances) {
      if (instance.weight === 0 || this.#since.has(instance)) continue;
      // After a start of the gateway, or of the service, there is nobody to carry what a new one does not.
      this.#since.set(instance, isFirst ? Number.NEGATIVE_INFINITY : performance.now());
    }
    this.#instances = instances;
    const text = JSON.stringify(policy);
    if (text !== this.#policy) this.#renew(policy);
    this.#policy = text;
    this.#outliers?.keep(instances.filter(({ draining }) => !draining).map(({ upstream }) => upstream.instance));
    this.#markEjected();
    this.#warm();
  }

  /** Its service is in the table no more. */
  close(): void {
    clearInterval(this.#sweeping);
    clearInterval(this.#warming);
  }

  #renew({ circuit, ejection, warmUp }: TrafficPolicy): void {
    this.close();
    this.circuit = circuit === null ? null : new CircuitBreaker(circuit);
    this.#outliers = ejection === null ? null : new OutlierDetection(ejection, Math.random);
    if (ejection !== null) this.#sweepEvery(ejection);
    this.#warmUp = warmUp;
  }

  #sweepEvery({ intervalSeconds }: Ejection): void {
    this.#sweeping = setInterval(() => {
      if (this.#outliers?.sweep(performance.now())) this.#markEjected();
    }, intervalSeconds * 1000).unref();
  }

  ended(instance: Instance | null, ending: Ending): void {
    if (ending.kind === "client-abort" || (this.circuit === null && this.#outliers === null)) return;
    const verdict = verdictOf(ending);
    const now = performance.now();
    this.circuit?.record(verdict !== "success", now);
    if (instance !== null && this.#outliers?.record(instance.upstream.instance, verdict, now)) this.#markEjected();
  }

  #markEjected(): void {
    const outliers = this.#outliers;
    const isPanic = outliers?.panic === true;
    for (const instance of this.#instances)
      instance.ejected = !isPanic && outliers?.isEjected(instance.upstream.instance) === true;
  }

  #warm(): void {
    const policy = this.#warmUp;
    const now = performance.now();
    const ageOf = (instance: Instance) => now - (this.#since.get(instance) ?? now);
    const carrying = this.#instances.filter(({ weight, draining }) => weight > 0 && !draining);
    const young = policy === null ? [] : carrying.filter((instance) => ageOf(instance) < policy.seconds * 1000);
    const off = policy === null || isPointless(young.length, carrying.length);
    for (const instance of this.#instances) instance.warmth = off ? 1 : warmShare(policy, ageOf(instance));
    clearInterval(this.#warming);
    if (young.length > 0) this.#warming = setTimeout(() => this.#warm(), WARM_EVERY_MS).unref();
  }
}

function verdictOf(ending: Ending): Verdict {
  if (ending.kind !== "answered") return "gateway-failure";
  if (ending.status < 500) return "success";
  return ending.status >= 502 && ending.status <= 504 ? "gateway-failure" : "5xx";
}
