import type { Handlers } from "../http/index.ts";
import { collectObjects, collectUploads } from "./collect.ts";
import { packageHandlers } from "./endpoints.ts";
import { RunningHashes } from "./running-hash.ts";
import type { UploadDeps } from "./upload.ts";

export interface WiredPackages {
  readonly handlers: Handlers<"listPackages" | "getPackage" | "beginUpload" | "getUpload" | "sendPiece" | "getObject">;
  collectUploads(): Promise<void>;
  collectObjects(): Promise<void>;
}

/** Packages: their endpoints, and what is tidied now and then. */
export function wirePackages({ db, objects }: Pick<UploadDeps, "db" | "objects">): WiredPackages {
  const deps = { db, objects, hashes: new RunningHashes() };
  return {
    handlers: packageHandlers(deps),
    collectUploads: () => collectUploads(deps),
    collectObjects: () => collectObjects(deps),
  };
}
