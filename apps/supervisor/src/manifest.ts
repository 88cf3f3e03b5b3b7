import { readJson, writeDurableJson } from "@evenkeel/kit/durable-file";
import { ProcessIdentity } from "@evenkeel/kit/process-identity";
import { z } from "zod";

const Part = z.strictObject({ identity: ProcessIdentity, version: z.string() });

const Settings = z.strictObject({
  controlPlanePorts: z.array(z.int()),
  gatewayPort: z.int(),
  /** Null = the gateway has no door for TLS. */
  gatewayTlsPort: z.int().nullable().default(null),
  agentAddresses: z.record(z.string(), z.string()),
});
/** What the living parts were told, and must stay as long as one of them lives. */
export type Settings = z.infer<typeof Settings>;

const Content = z.strictObject({
  parts: z.record(z.string(), Part),
  settings: Settings.nullable(),
  /** The generation that began when this folder was restored from a backup: the hosts of the installation are elsewhere. */
  restoredAs: z.int().nullable().default(null),
});
type Content = z.infer<typeof Content>;

/** The one thing that a supervisor keeps on disk: which processes are its parts. */
export class Manifest {
  readonly #path: string;
  #content: Content;
  #writing: Promise<void> = Promise.resolve();

  private constructor(path: string, content: Content) {
    this.#path = path;
    this.#content = content;
  }

  /** Reads the manifest, or begins an empty one. */
  static async open(path: string): Promise<Manifest> {
    return new Manifest(path, (await readJson(path, Content)) ?? { parts: {}, settings: null, restoredAs: null });
  }

  get settings(): Settings | null {
    return this.#content.settings;
  }

  get restoredAs(): number | null {
    return this.#content.restoredAs;
  }

  names(): string[] {
    return Object.keys(this.#content.parts);
  }

  part(name: string): z.infer<typeof Part> | null {
    return this.#content.parts[name] ?? null;
  }

  async record(name: string, identity: ProcessIdentity, version: string): Promise<void> {
    await this.#write({ ...this.#content, parts: { ...this.#content.parts, [name]: { identity, version } } });
  }

  async forget(name: string): Promise<void> {
    const { [name]: _, ...parts } = this.#content.parts;
    await this.#write({ ...this.#content, parts });
  }

  async setSettings(settings: Settings): Promise<void> {
    await this.#write({ ...this.#content, settings });
  }

  async setRestored(epoch: number): Promise<void> {
    await this.#write({ ...this.#content, restoredAs: epoch });
  }

  /** One after another: the last content on disk is the newest. */
  async #write(content: Content): Promise<void> {
    this.#content = content;
    this.#writing = this.#writing.catch(() => undefined).then(() => writeDurableJson(this.#path, this.#content, 0o600));
    await this.#writing;
  }
}
