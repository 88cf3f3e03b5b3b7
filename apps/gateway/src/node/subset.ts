import { pick, type Weighted } from "./balance.ts";
import type { Instance } from "./instance.ts";

/** An instance as one of a subset: its turn there is nobody else's business. */
class Share implements Weighted {
  readonly instance: Instance;
  currentWeight = 0;

  constructor(instance: Instance) {
    this.instance = instance;
  }

  get weight(): number {
    return this.instance.weight * this.instance.warmth;
  }

  get draining(): boolean {
    return this.instance.draining;
  }
}

/** Some instances of a service, those near by first where that was asked for. */
export class Subset {
  readonly #all: readonly Share[];
  readonly #near: readonly Share[];

  /** `before`: the subset of this name in the last table; who stays in it keeps his turn. */
  constructor(instances: readonly Instance[], nearZone: string | null, before: Subset | undefined) {
    const shareOf = (shares: readonly Share[], instance: Instance) =>
      shares.find((share) => share.instance === instance) ?? new Share(instance);
    const [all, nearer] = before === undefined ? [[], []] : [before.#all, before.#near];
    const near = nearZone === null ? [] : instances.filter(({ upstream }) => upstream.zone === nearZone);
    this.#all = instances.map((instance) => shareOf(all, instance));
    this.#near = near.map((instance) => shareOf(nearer, instance));
  }

  /** Whether anybody here takes requests. */
  get serves(): boolean {
    return this.#all.some(({ draining, weight }) => !draining && weight > 0);
  }

  /** Whose turn it is; who is ejected only if all others are. */
  pick(tried: readonly Instance[]): Instance | null {
    const near = this.#near.length === 0 ? null : pick(this.#near, outOf(tried));
    const found = near ?? pick(this.#all, outOf(tried)) ?? pick(this.#all, ({ instance }) => tried.includes(instance));
    return found?.instance ?? null;
  }
}

const isEjected = ({ instance }: Share): boolean => instance.ejected;
const outOf = (tried: readonly Instance[]): ((share: Share) => boolean) =>
  tried.length === 0 ? isEjected : ({ instance }) => instance.ejected || tried.includes(instance);
