import { beginWhenDue } from "@evenkeel/agent-core/slot";
import type { ModuleReport } from "@evenkeel/contracts/base-protocol";
import type { ServiceId } from "@evenkeel/contracts/id";
import { BaseRefusal } from "../base/base-client.ts";
import type { BaseProcess } from "../base/base-process.ts";
import type { Wanted, WantedModule } from "../base/wanted-modules.ts";
import { type AgentParts, CommandEnd, type Done, type Handler } from "../command.ts";

interface OneModule {
  readonly base: ServiceId;
  readonly name: string;
  readonly version: string;
}

const isOne =
  ({ name, version }: OneModule) =>
  (each: { readonly name: string; readonly version: string }): boolean =>
    each.name === name && each.version === version;

/** Brings the bundle and installs it. */
export const installModule: Handler<"install-module"> = async (parts, { command, input, context }) => {
  const { objects, bases } = parts;
  const { base: slot, object, activate, replace, publish } = input;
  const { signal } = context;
  await objects.fetch(object, signal);
  const base = await bases.reach(slot, signal);
  // The same version may still be draining from the time before: it is in its own way.
  await base.until(({ modules }) => !modules.some((one) => isOne(input)(one) && one.state === "draining"), signal);
  await base.settled();
  await beginWhenDue(context);
  const bundle = { path: objects.pathOf(object.digest), digest: object.digest };
  const asked = { operationId: command.commandId, bundle, activate, replace, publish };
  const done = await inBaseWords(() => base.ask("install", asked, signal));
  // killed here: the base holds it; this command is taken up, and is told that it does
  await bases.wanted.alter(slot, (wanted) => {
    const earlier = wanted.modules.filter(({ name }) => name === input.name);
    const inherited = replace ? earlier.findLast(({ published }) => published !== null)?.published : undefined;
    const published = done.module.published ? (publish ?? inherited ?? { tags: {} }) : null;
    const stay = replace ? otherModules(wanted, input) : wanted.modules.filter((one) => !isOne(input)(one));
    const { name, version } = input;
    return { ...wanted, modules: [...stay, { name, version, object, active: activate, published }] };
  });
  const { elapsed, cache, replaced, already } = done;
  return await told(base, signal, { elapsed, cache, replaced, already });
};

const otherModules = ({ modules }: Wanted, { name }: OneModule): WantedModule[] =>
  modules.filter((one) => one.name !== name);

/** Takes it away for good. */
export const uninstallModule: Handler<"uninstall-module"> = async (parts, { command, input, context }) => {
  const { base: slot, name, version } = input;
  await beginWhenDue(context);
  await parts.bases.wanted.alter(slot, (wanted) => ({
    ...wanted,
    modules: wanted.modules.filter((one) => !isOne(input)(one)),
  }));
  // killed here: no new process brings it back, and this command is taken up and takes it away
  const base = await parts.bases.reach(slot, context.signal);
  const asked = { operationId: command.commandId, name, version, prove: "handles" as const };
  const proof = await inBaseWords(() => base.ask("uninstall", asked, context.signal)).then(
    (result) => result.proof,
    (error: unknown) => {
      if (error instanceof CommandEnd && error.outcome.problem.code === "MODULE_ABSENT") return null;
      throw error;
    },
  );
  return await told(base, context.signal, proof === null ? { absent: true } : { proof });
};

type Alteration = "activate-module" | "deactivate-module" | "unpublish-module";

/** What is asked of the base, and what is wanted afterwards. */
const ALTERED: {
  readonly [Type in Alteration]: {
    readonly operation: "activate" | "deactivate" | "unpublish";
    readonly wanted: Partial<WantedModule>;
  };
} = {
  "activate-module": { operation: "activate", wanted: { active: true } },
  "deactivate-module": { operation: "deactivate", wanted: { active: false, published: null } },
  "unpublish-module": { operation: "unpublish", wanted: { published: null } },
};

const altering =
  <Type extends Alteration>(type: Type): Handler<Type> =>
  async (parts, { command, input, context }) => {
    const one: OneModule = input;
    const { operation, wanted } = ALTERED[type];
    const base = await parts.bases.reach(one.base, context.signal);
    await base.settled();
    await beginWhenDue(context);
    const asked = { operationId: command.commandId, name: one.name, version: one.version };
    await inBaseWords(() => base.ask(operation, asked, context.signal));
    // killed here: the base has done it, and this command is taken up and notes it
    await want(parts, one, wanted);
    return await told(base, context.signal, {});
  };

export const activateModule = altering("activate-module");
export const deactivateModule = altering("deactivate-module");
export const unpublishModule = altering("unpublish-module");

/** Makes it answer. */
export const publishModule: Handler<"publish-module"> = async (parts, { command, input, context }) => {
  const base = await parts.bases.reach(input.base, context.signal);
  const { name, version, tags } = input;
  await base.settled();
  await beginWhenDue(context);
  await inBaseWords(() => base.ask("publish", { operationId: command.commandId, name, version, tags }, context.signal));
  // killed here: it answers, and this command is taken up and notes it. The newest publication answers: it comes back last.
  await parts.bases.wanted.alter(input.base, (all) => {
    const its = all.modules.filter(isOne(input)).map((one) => ({ ...one, published: { tags } }));
    return { ...all, modules: [...all.modules.filter((one) => !isOne(input)(one)), ...its] };
  });
  return await told(base, context.signal, {});
};

async function want({ bases }: AgentParts, one: OneModule, wanted: Partial<WantedModule>): Promise<void> {
  const alter = (each: WantedModule): WantedModule => (isOne(one)(each) ? { ...each, ...wanted } : each);
  await bases.wanted.alter(one.base, (all) => ({ ...all, modules: all.modules.map(alter) }));
}

/** Leaves the base as empty as it began. */
export const clearBase: Handler<"clear-base"> = async ({ bases }, { command, input, context }) => {
  await beginWhenDue(context);
  await bases.wanted.alter(input.base, () => ({ modules: [], rules: [], businesses: [] }));
  // killed here: nothing comes back, and this command is taken up and takes away what is there
  const base = await bases.reach(input.base, context.signal);
  const operationId = command.commandId;
  const { uninstalled } = await inBaseWords(() => base.ask("clear", { operationId }, context.signal));
  await inBaseWords(() => base.ask("split", { operationId: `${operationId} rules`, rules: [] }, context.signal));
  await inBaseWords(() =>
    base.ask("businesses", { operationId: `${operationId} businesses`, businesses: [] }, context.signal),
  );
  return await told(base, context.signal, {
    uninstalled: uninstalled.map(({ name, version }) => `${name}@${version}`),
  });
};

/** Rules and businesses, each as a whole. */
export const splitBase: Handler<"split-base"> = async ({ bases }, { command, input, context }) => {
  const { base: slot, rules, businesses } = input;
  const base = await bases.reach(slot, context.signal);
  await base.settled();
  await beginWhenDue(context);
  const operationId = command.commandId;
  if (rules !== null) await inBaseWords(() => base.ask("split", { operationId, rules }, context.signal));
  if (businesses !== null) {
    const asked = { operationId: `${operationId} businesses`, businesses };
    await inBaseWords(() => base.ask("businesses", asked, context.signal));
  }
  // killed here: the base goes by them, and this command is taken up and notes them
  await bases.wanted.alter(slot, (wanted) => ({
    ...wanted,
    rules: rules ?? wanted.rules,
    businesses: businesses ?? wanted.businesses,
  }));
  return await told(base, context.signal, {});
};

export const queryModules: Handler<"query-modules"> = async ({ bases }, { input, context }) =>
  await told(await bases.reach(input.base, context.signal), context.signal, {});

/** The outcome comes after the news of what it altered. */
async function told(base: BaseProcess, signal: AbortSignal, facts: Record<string, unknown>): Promise<Done> {
  const { modules, pid } = await inBaseWords(() => base.refresh(signal));
  const shown = ({ name, version, state }: ModuleReport): string => `${name}@${version} ${state}`;
  return { facts: { ...facts, pid, modules: modules.map(shown) } };
}

/** The base says why, in the words of the module where it was the module; the stack is the output of the step. */
async function inBaseWords<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof BaseRefusal)) throw error;
    const { problem, stack } = error.failure;
    const output = stack === null ? {} : { output: { head: stack, gapBytes: 0, tail: "" } };
    throw new CommandEnd(problem.code, problem.facts, output);
  }
}
