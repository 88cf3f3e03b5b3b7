import type { PlacedVersion } from "@evenkeel/contracts/base-cluster";
import type { ModuleReport } from "@evenkeel/contracts/base-protocol";
import { canonicalJson } from "@evenkeel/contracts/canonical";
import type { PlannedStep } from "@evenkeel/contracts/change-plan";
import { isRefusal, type Refusal, refuse } from "@evenkeel/contracts/error";
import { type ModuleTags, providersFirst } from "@evenkeel/contracts/module";
import type { ModuleBundle } from "@evenkeel/contracts/module-bundle";
import type { BaseRow } from "../../base-cluster/index.ts";
import { bundleOf, type PlacementWorld } from "./world.ts";

/** Of each module by its name, the versions that are to stand on a base, and no others. */
export type Wishes = ReadonlyMap<string, readonly PlacedVersion[]>;

/** What a base is brought to its wishes by. */
export interface ModuleSteps {
  readonly bundles: readonly ModuleBundle[];
  readonly steps: readonly PlannedStep[];
}

const MARGIN_MS = 60_000;
const SHORT_MS = 60_000;

/** One command to the agent about a module. */
export function moduleStep(
  [name, type]: readonly [name: string, type: string],
  input: PlannedStep["input"],
  timeoutMs = SHORT_MS,
): PlannedStep {
  return { name, on: "agent", type, input, timeoutMs, repeatable: true, retryFrom: null, traffic: null };
}

/** From what stands on the base to what is wished; `empty`: it is cleared before. */
export function stepsTo(
  world: PlacementWorld,
  base: BaseRow,
  { wishes, empty = false }: { readonly wishes: Wishes; readonly empty?: boolean },
): ModuleSteps | Refusal {
  const bundles: ModuleBundle[] = [];
  const steps: PlannedStep[] = [];
  for (const name of inOrder(world, wishes)) {
    const there = empty ? [] : standing(base, name);
    const made = stepsOf(world, { base, name, wished: wishes.get(name) ?? [], there });
    if (isRefusal(made)) return made;
    bundles.push(...made.bundles);
    steps.push(...made.steps);
  }
  return { bundles, steps };
}

/** What stands of a module on a base, the broken remains of it included; what is on its way in or out is neither. */
export function standing({ report }: BaseRow, module: string): ModuleReport[] {
  const gone = new Set(["activating", "draining", "uninstalled"]);
  return (report?.modules ?? []).filter(({ name, state }) => name === module && !gone.has(state));
}

/** As it stands, in the words of a wish; what is broken is none. */
export function asPlaced(modules: readonly ModuleReport[]): PlacedVersion[] {
  return modules
    .filter(({ state }) => state !== "broken")
    .map(({ version, state, published, tags }) => ({
      version,
      active: state !== "resolved",
      published: published ? { tags } : null,
    }));
}

interface OneModule {
  readonly base: BaseRow;
  readonly name: string;
  readonly wished: readonly PlacedVersion[];
  readonly there: readonly ModuleReport[];
}

function stepsOf(world: PlacementWorld, one: OneModule): ModuleSteps | Refusal {
  const { name, there } = one;
  // A foreign base lets a version stand by only beside one that serves.
  const wished = one.wished.toSorted((first, second) => Number(second.active) - Number(first.active));
  const stands = (version: string) => there.find((each) => each.version === version && each.state !== "broken");
  const fresh = wished.filter(({ version }) => stands(version) === undefined);
  const bundles = fresh.map(({ version }) => bundleOf(world, name, version));
  const missing = fresh.find((_, index) => bundles[index] === null);
  if (missing !== undefined) return refuse("NOT_FOUND", { resource: `module ${name}@${missing.version}` });
  const found = bundles.filter((bundle) => bundle !== null);
  const [only] = wished;
  // The base exchanges both in one moment: there is no time in which neither answers.
  const replace = wished.length === 1 && fresh.length === 1 && only?.active === true && there.length > 0;
  const leaving = there.filter(
    ({ version, state }) => state === "broken" || !wished.some((wish) => wish.version === version),
  );
  // A broken version that is wished is installed anew over its remains.
  const gone = leaving.filter(({ version }) => !fresh.some((wish) => wish.version === version));
  const altered = wished.flatMap((wish) => alterations(world, one, { wish, there: stands(wish.version) }));
  const again = publishedAgain(
    one,
    new Set([...fresh, ...altered.flatMap(versionPublished)].map(({ version }) => version)),
  );
  const withdrawn = replace && only?.published === null ? there.filter(({ published }) => published) : [];
  return {
    bundles: found,
    steps: [
      ...withdrawn.map((each) => ofModule(one, "unpublish-module", { version: each.version })),
      ...fresh.map((wish, index) => install(one, wish, { bundle: found[index]!, replace })),
      ...altered.filter((step) => !versionPublished(step).some(({ version }) => again.has(version))),
      ...again.values(),
      ...(replace ? [] : gone.map((each) => uninstall(world, one, each.version))),
    ],
  };
}

function install(
  { base, name }: OneModule,
  { version, active, published }: PlacedVersion,
  { bundle, replace }: { readonly bundle: ModuleBundle; readonly replace: boolean },
): PlannedStep {
  const { digest, sizeBytes, manifest } = bundle;
  const input = {
    ...{ base: base.serviceId, name, version, object: { digest, sizeBytes } },
    ...{ activate: active, replace, publish: published },
  };
  const timeoutMs = Math.ceil(manifest.activateSeconds * 1000) + MARGIN_MS;
  return moduleStep([`install ${name}@${version}`, "install-module"], input, timeoutMs);
}

interface Kept {
  readonly wish: PlacedVersion;
  readonly there: ModuleReport | undefined;
}

function alterations(world: PlacementWorld, one: OneModule, { wish, there }: Kept): PlannedStep[] {
  if (there === undefined) return [];
  const { version, active, published } = wish;
  const isActive = there.state !== "resolved";
  if (!active) return isActive ? [ofModule(one, "deactivate-module", { version })] : [];
  const activate = isActive ? [] : [ofModule(one, "activate-module", { version })];
  if (published === null) return there.published ? [ofModule(one, "unpublish-module", { version })] : activate;
  const tags = { ...bundleOf(world, one.name, version)?.manifest.tags, ...published.tags };
  if (there.published && canonicalJson(tags) === canonicalJson(there.tags)) return activate;
  return [...activate, ofModule(one, "publish-module", { version, tags: published.tags })];
}

function ofModule({ base, name }: OneModule, type: string, which: { version: string; tags?: ModuleTags }): PlannedStep {
  const verb = type.split("-")[0];
  return moduleStep([`${verb} ${name}@${which.version}`, type], { base: base.serviceId, name, ...which });
}

const versionPublished = ({ type, input }: PlannedStep): { version: string }[] =>
  type === "publish-module" ? [{ version: String(input.version) }] : [];

/**
 * Without a rule the newest publication answers: wishes and reports have versions in the order of their publications. Those that would stand in another one,
 * because an earlier version (`moved`) comes to be published after them, are published once more.
 */
function publishedAgain(one: OneModule, moved: ReadonlySet<string>): Map<string, PlannedStep> {
  const wanted = one.wished.filter(({ active, published }) => active && published !== null);
  const stay = one.there.filter(
    ({ version, state, published }) => published && state !== "broken" && !moved.has(version),
  );
  const after = [...stay, ...wanted.filter(({ version }) => moved.has(version))]
    .map(({ version }) => version)
    .filter((version) => wanted.some((wish) => wish.version === version));
  const first = wanted.findIndex(({ version }, index) => version !== after[index]);
  if (wanted.length < 2 || first < 0) return new Map();
  const publish = ({ version, published }: PlacedVersion) =>
    [version, ofModule(one, "publish-module", { version, tags: published?.tags ?? {} })] as const;
  return new Map(wanted.slice(first).map(publish));
}

function uninstall(world: PlacementWorld, one: OneModule, version: string): PlannedStep {
  const drainSeconds = bundleOf(world, one.name, version)?.manifest.drainSeconds ?? 30;
  const step = ofModule(one, "uninstall-module", { version });
  return { ...step, timeoutMs: drainSeconds * 1000 + MARGIN_MS };
}

/** Who provides a service comes before those that need it, in any of their versions; else in the order of the wishes. */
function inOrder(world: PlacementWorld, wishes: Wishes): string[] {
  return providersFirst([...wishes.keys()], (name) => {
    const manifests = (wishes.get(name) ?? []).flatMap(({ version }) => bundleOf(world, name, version)?.manifest ?? []);
    const [first] = manifests;
    if (first === undefined) return null;
    const services = Object.assign({}, ...manifests.map(({ needs }) => needs.services));
    const provided = manifests.flatMap(({ provides }) => provides.services);
    return { needs: { ...first.needs, services }, provides: { ...first.provides, services: provided } };
  });
}
