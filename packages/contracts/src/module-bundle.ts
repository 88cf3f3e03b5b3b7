import { z } from "zod";
import { endpoint, page, pageQuery } from "./endpoint.ts";
import { Digest, ModuleBundleId, Moment, Name } from "./id.ts";
import { ModuleManifest, ModuleVersion } from "./module.ts";

/** A version of a module, uploaded; a version has one content for ever. */
export const ModuleBundle = z.strictObject({
  id: ModuleBundleId,
  name: Name,
  version: ModuleVersion,
  digest: Digest,
  sizeBytes: z.int(),
  /** Whether it brings a byte cache, and of which Node. */
  cacheNode: z.string().nullable(),
  manifest: ModuleManifest,
  uploadedBy: z.string(),
  uploadedAt: Moment,
});
export type ModuleBundle = z.infer<typeof ModuleBundle>;

export const moduleBundleEndpoints = {
  listModules: endpoint("GET", "/modules", {
    needs: "module:read",
    query: pageQuery.extend({ name: Name.optional(), version: ModuleVersion.optional() }),
    reply: page(ModuleBundle),
  }),
  getModule: endpoint("GET", "/modules/{moduleId}", {
    needs: "module:read",
    params: z.strictObject({ moduleId: ModuleBundleId }),
    reply: ModuleBundle,
  }),
  /** The whole bundle as the body; what it is stands in it. The same bytes again are the same module. */
  uploadModule: endpoint("POST", "/modules", {
    needs: "module:create",
    query: z.strictObject({ digest: Digest }),
    bodyKind: "raw",
    reply: ModuleBundle,
  }),
};
