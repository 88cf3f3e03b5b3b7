import type { Base } from "@evenkeel/contracts/base-cluster";
import type { Change } from "@evenkeel/contracts/change";
import { MODULE_OPERATION } from "@evenkeel/contracts/module-operation";
import { MODULE_RELEASE } from "@evenkeel/contracts/module-release";
import type { TestBundle } from "./base-application.ts";
import type { Platform } from "./platform.ts";
import { type Shop, settled } from "./shop.ts";

/** The bases of a whole platform, and what is done with modules on them. */
export class BaseFleet {
  readonly platform: Platform;
  readonly shop: Shop;

  constructor(platform: Platform, shop: Shop) {
    this.platform = platform;
    this.shop = shop;
  }

  /** By their names. */
  async bases(cluster?: string): Promise<Base[]> {
    const query = cluster === undefined ? {} : { cluster };
    const { items } = await this.platform.client.listBases({ query });
    return items.toSorted((one, other) => one.name.localeCompare(other.name));
  }

  /** Until so many bases are known. */
  async told(count: number): Promise<void> {
    while ((await this.bases()).length < count) await new Promise((resolve) => setTimeout(resolve, 100));
  }

  async cluster(name: string, buffer = false): Promise<void> {
    await this.platform.client.createBaseCluster({ body: { workspace: "local", name, buffer } });
  }

  async start(kind: string, spec: object): Promise<Change> {
    const { id } = await this.platform.client.createChange({ body: { kind, spec } });
    return await this.platform.client.startChange({ params: { changeId: id }, body: {} });
  }

  /** Until it has ended or waits for a person. */
  async carryOut(kind: string, spec: object): Promise<Change> {
    return await settled(this.platform, await this.start(kind, spec));
  }

  async operate(spec: object): Promise<Change> {
    return await this.carryOut(MODULE_OPERATION, spec);
  }

  async move(names: readonly string[], to: string | null): Promise<Change> {
    return await this.operate({ operation: "move", bases: names, to });
  }

  async rollBack({ id }: Pick<Change, "id">): Promise<Change> {
    const body = { speed: "fast" as const, reason: "the old one is wanted" };
    const back = await this.platform.client.rollbackChange({ params: { changeId: id }, body });
    if (back.state === "planned") await this.platform.client.startChange({ params: { changeId: back.id }, body: {} });
    return await settled(this.platform, back);
  }

  async upload({ object, bytes }: TestBundle): Promise<void> {
    await this.platform.client.uploadModule({ query: { digest: object.digest }, body: new Uint8Array(bytes) });
  }

  /** Uploads and releases, base by base unless something else is said. */
  async release(bundle: TestBundle, more: object = {}): Promise<Change> {
    await this.upload(bundle);
    const modules = [{ name: bundle.name, version: bundle.version }];
    return await this.carryOut(MODULE_RELEASE, { cluster: "front", modules, strategy: { batches: "each" }, ...more });
  }

  /** Where each base of a cluster is reached without a gateway. */
  async addresses(cluster: string): Promise<string[]> {
    const here = await this.bases(cluster);
    const instances = await this.shop.instances();
    return here.map(({ hostId }) => {
      const place = instances.find((instance) => instance.hostId === hostId);
      return `http://${place?.address}:${place?.port}`;
    });
  }

  /** What each base of a cluster answers by itself. */
  async answers(path: string, cluster = "front"): Promise<string[]> {
    const addresses = await this.addresses(cluster);
    return await Promise.all(
      addresses.map(async (address) => {
        const text = await (await fetch(`${address}${path}`)).text();
        return text.includes("the base") ? "the base" : text;
      }),
    );
  }
}
