// 1. What a base shall hold is durable before the command that made it so is reported; a new process of the base gets it back.
// 2. What is taken away is forgotten before it is taken away: a base that dies in between does not bring it back.
import { join } from "node:path";
import { Digest, Name, type ServiceId } from "@evenkeel/contracts/id";
import { Business, ModuleTags, ModuleVersion, SplitRule } from "@evenkeel/contracts/module";
import { makeFolder, readJson, writeDurableJson } from "@evenkeel/kit/durable-file";
import { z } from "zod";

const WantedModule = z.strictObject({
  name: Name,
  version: ModuleVersion,
  object: z.strictObject({ digest: Digest, sizeBytes: z.int() }),
  active: z.boolean(),
  published: z.strictObject({ tags: ModuleTags }).nullable(),
});
export type WantedModule = z.infer<typeof WantedModule>;

/** What the base of a slot shall hold; modules in the order in which they came, so that who needs another comes after it. */
const Wanted = z.strictObject({
  modules: z.array(WantedModule),
  rules: z.array(SplitRule),
  businesses: z.array(Business),
});
export type Wanted = z.infer<typeof Wanted>;

const NOTHING: Wanted = { modules: [], rules: [], businesses: [] };

/** What the bases of this host shall hold, one file for each slot. */
export class WantedModules {
  readonly #folder: string;
  readonly #known = new Map<ServiceId, Wanted>();
  /** Of each slot: its file is nobody else's, and a hundred bases need not wait for each other's disk. */
  readonly #turns = new Map<ServiceId, Promise<unknown>>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  async load(slots: readonly ServiceId[]): Promise<void> {
    for (const slot of slots) {
      const found = await readJson(this.#file(slot), Wanted);
      if (found !== null) this.#known.set(slot, found);
    }
  }

  of(slot: ServiceId): Wanted {
    return this.#known.get(slot) ?? NOTHING;
  }

  /** Objects that a base may need again at any moment. */
  digests(): Digest[] {
    return [...this.#known.values()].flatMap(({ modules }) => modules.map(({ object }) => object.digest));
  }

  /** Durable when it returns. */
  async alter(slot: ServiceId, change: (wanted: Wanted) => Wanted): Promise<void> {
    const next = (this.#turns.get(slot) ?? Promise.resolve()).then(async () => {
      const altered = change(this.of(slot));
      await makeFolder(join(this.#folder, slot), 0o700);
      await writeDurableJson(this.#file(slot), altered);
      this.#known.set(slot, altered);
    });
    const turn = next.catch(() => undefined);
    this.#turns.set(slot, turn);
    await next.finally(() => {
      if (this.#turns.get(slot) === turn) this.#turns.delete(slot);
    });
  }

  #file(slot: ServiceId): string {
    return join(this.#folder, slot, "modules.json");
  }
}
