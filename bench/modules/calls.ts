// Run as a process of its own: prints what a call through a reference costs against the same method called on its object.
import { BaseBed } from "@evenkeel/base/testing";
import { median } from "../benchmark.ts";

export const CALLS_PROGRAM = import.meta.filename;

/** Slices that are far shorter than the time that a machine gives to another process, by turns: what disturbs both is in neither. */
const CALLS = 50_000;
const SLICES = 2000;
const WARM_SLICES = 100;

export interface CallRatio {
  /** The dearest of the three directions. */
  readonly callRatioInline: number;
  readonly callRatioBaseToModule: number;
  readonly callRatioModuleToBase: number;
  readonly callRatioModuleToModule: number;
  /** Of that direction. */
  readonly callNs: number;
  readonly methodNs: number;
}

interface Counter {
  add(by: number): number;
}

interface Measured {
  readonly callNs: number;
  readonly methodNs: number;
  readonly ratio: number;
}

/** Code that no other direction shares: each caller and each provider has code of its own. */
const counterText = (name: string): string =>
  `class Counter_${name} { constructor() { this.sum = 0; } add(by) { this.sum = (this.sum + by) | 0; return this.sum; } }`;
const newCounter = (name: string): Counter =>
  (new Function(`${counterText(name)} return new Counter_${name}();`) as () => Counter)();

type Loop = (subject: Counter, calls: number) => number;

const loopOf = (name: string): Loop =>
  new Function(
    ...["subject", "calls"],
    `/* ${name} */ let sum = 0; for (let i = 0; i < calls; i++) sum ^= subject.add(i); return sum;`,
  ) as Loop;

function measure(name: string, reference: Counter): Measured {
  const sides = [newCounter(name), reference].map((subject, index) => {
    const loop = loopOf(`${name} ${index}`);
    const times: number[] = [];
    return { loop, subject, times };
  });
  for (let slice = 0; slice < WARM_SLICES + SLICES; slice += 1) {
    for (const { loop, subject, times } of sides) {
      const beganAt = performance.now();
      loop(subject, CALLS);
      if (slice >= WARM_SLICES) times.push(((performance.now() - beganAt) * 1e6) / CALLS);
    }
  }
  const [methodNs = Number.NaN, callNs = Number.NaN] = sides.map(({ times }) => median(times));
  return { callNs, methodNs, ratio: callNs / methodNs };
}

async function main(): Promise<void> {
  const ledger = newCounter("ledger");
  await using bed = await BaseBed.open({ services: { ledger: { version: "1.0.0", service: ledger } } });
  const offer = `${counterText("counter")} exports.activate = () => ({ services: { counter: new Counter_counter() } });`;
  await bed.install({ name: "counter", version: "1.0.0", provides: { services: ["counter"] } }, offer);
  // Gives away the references that it was given, for they are what is measured.
  const holder =
    "exports.activate = ({ service }) => { const held = { ledger: service('ledger'), counter: service('counter') }; return { services: { holder: { give: (name) => held[name] } } }; };";
  const needs = { services: { ledger: {}, counter: {} } };
  await bed.install({ name: "holder", version: "1.0.0", needs, provides: { services: ["holder"] } }, holder);
  const { give } = { give: (name: string) => bed.base.service<{ give(name: string): Counter }>("holder").give(name) };
  const baseToModule = measure("base_to_module", bed.base.service<Counter>("counter"));
  const moduleToBase = measure("module_to_base", give("ledger"));
  const moduleToModule = measure("module_to_module", give("counter"));
  const [dearest] = [baseToModule, moduleToBase, moduleToModule].toSorted((one, other) => other.ratio - one.ratio);
  const told: CallRatio = {
    callRatioInline: dearest?.ratio ?? Number.NaN,
    callRatioBaseToModule: baseToModule.ratio,
    callRatioModuleToBase: moduleToBase.ratio,
    callRatioModuleToModule: moduleToModule.ratio,
    callNs: dearest?.callNs ?? Number.NaN,
    methodNs: dearest?.methodNs ?? Number.NaN,
  };
  console.log(JSON.stringify(told));
}

if (process.argv[1] === CALLS_PROGRAM) await main();
