import { PlatformError } from "@evenkeel/contracts/error";
import { newId, UploadId } from "@evenkeel/contracts/id";
import { BUNDLE_LIMIT_BYTES } from "@evenkeel/contracts/module";
import type { Kysely } from "kysely";
import type { Database } from "../database.ts";
import type { Handlers } from "../http/index.ts";
import type { ObjectStore } from "../object-store/index.ts";
import { digestOfFile, readBundle } from "./read-bundle.ts";
import { bundles, putBundle } from "./store.ts";

interface ModuleDeps {
  readonly db: Kysely<Database>;
  readonly objects: ObjectStore;
}

/** The modules that were uploaded. */
export function moduleHandlers({ db, objects }: ModuleDeps): Handlers<"listModules" | "getModule" | "uploadModule"> {
  return {
    listModules: ({ caller: { tenantId }, query: { name, version, ...page } }) =>
      bundles.list(db, { tenantId, page, where: { ...(name && { name }), ...(version && { version }) } }),
    getModule: ({ caller, params: { moduleId } }) =>
      bundles.get(db, caller.tenantId, { columns: { id: moduleId }, label: moduleId }),
    uploadModule: async ({ caller, query: { digest: expected }, body, effect, audit }) => {
      const piece = await objects.receive(body, { limitBytes: BUNDLE_LIMIT_BYTES });
      const draft = newId(UploadId, "upl");
      try {
        await objects.append(draft, 0, piece);
        const file = objects.draftFile(draft);
        const found = await digestOfFile(file);
        if (found !== expected) throw new PlatformError("BUNDLE_CORRUPT", { found, expected });
        const { manifest, cache } = await readBundle(file);
        await objects.keep(draft, expected);
        // killed here: nothing names the object, and it is collected within days
        return await effect(async (tx) => {
          const { name, version } = manifest;
          const bundle = await putBundle(tx, {
            ...{ tenantId: caller.tenantId, name, version, digest: expected, sizeBytes: piece.sizeBytes, manifest },
            ...{ cacheNode: cache?.node ?? null, uploadedBy: caller.principalName },
          });
          audit.resource = `module/${bundle.id}`;
          audit.details = { name, version, digest: expected, sizeBytes: piece.sizeBytes };
          return bundle;
        });
      } finally {
        await piece.drop();
        await objects.drop(draft);
      }
    },
  };
}
