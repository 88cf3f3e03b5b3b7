import { PlatformError } from "@evenkeel/contracts/error";
import type { UploadId } from "@evenkeel/contracts/id";
import type { Upload } from "@evenkeel/contracts/package";
import type { Transaction } from "kysely";
import { hasBuildpackObject } from "../buildpack/index.ts";
import type { Database } from "../database.ts";
import type { Handlers, RequestOf } from "../http/index.ts";
import { hasModuleObject } from "../module/index.ts";
import { readObject } from "./object.ts";
import { pageOfPackages, readPackages } from "./store.ts";
import { findWholeUpload, type UploadRow } from "./store-upload.ts";
import {
  beginUpload,
  completeUpload,
  endUpload,
  getUploadRow,
  knownBits,
  receivePiece,
  showUpload,
  type UploadDeps,
  type Whole,
} from "./upload.ts";

type Operations = "listPackages" | "getPackage" | "beginUpload" | "getUpload" | "sendPiece" | "getObject";

type Ending = Pick<RequestOf<"sendPiece">, "caller" | "effect" | "audit">;

async function endIn(
  tx: Transaction<Database>,
  whole: Whole,
  { caller, audit }: Pick<Ending, "caller" | "audit">,
): Promise<Upload> {
  const { row } = whole;
  const ended = await endUpload(tx, caller.principalName, whole);
  audit.resource = `package/${ended.package?.id}`;
  audit.details = { uploadId: row.id, version: row.version, digest: row.digest, sizeBytes: row.size_bytes };
  return ended;
}

/** Another replica has ended this upload in the meantime: the next look shows it. */
function nullIfGone(error: unknown): null {
  if (error instanceof PlatformError && error.code === "UPLOAD_OFFSET_WRONG") return null;
  throw error;
}

export function packageHandlers(deps: UploadDeps): Handlers<Operations> {
  const { db, objects } = deps;
  const completions = new Map<UploadId, Promise<Whole>>();
  /** Two requests that find the same upload whole read its archive once. */
  const complete = async (row: UploadRow): Promise<Whole> => {
    const running = completions.get(row.id) ?? completeUpload(deps, row);
    completions.set(row.id, running);
    return await running.finally(() => completions.delete(row.id));
  };
  const end = async (row: UploadRow, { caller, effect, audit }: Ending): Promise<Upload> => {
    const whole = await complete(row);
    const upload = await effect(async (tx) => await endIn(tx, whole, { caller, audit }));
    // killed here: the draft is dropped with the uploads that nobody continues
    await objects.drop(row.id);
    deps.hashes.forget(row.id);
    return upload;
  };

  return {
    listPackages: ({ caller, query }) => pageOfPackages(db, caller.tenantId, query),
    getPackage: async ({ caller: { tenantId }, params: { packageId } }) => {
      const [found] = await readPackages(db, { tenantId, id: packageId, after: null, rows: 1 });
      if (found === undefined) throw new PlatformError("NOT_FOUND", { resource: `package ${packageId}` });
      return found;
    },
    beginUpload: async ({ caller, body, effect, audit }) => {
      // Killed after its last piece: its archive is still to be read.
      const whole = await findWholeUpload(db, caller.tenantId, body);
      const ended = whole === null ? null : await end(whole, { caller, effect, audit }).catch(nullIfGone);
      if (ended !== null) return ended;
      return await effect(async (tx) => {
        const row = await beginUpload(tx, caller.tenantId, body);
        const known = row.package_id === null ? await knownBits(tx, row) : null;
        return known === null ? await showUpload(tx, row) : await endIn(tx, known, { caller, audit });
      });
    },
    getUpload: async ({ caller, params: { uploadId } }) =>
      await showUpload(db, await getUploadRow(db, caller.tenantId, uploadId)),
    sendPiece: async ({ caller, params: { uploadId }, query: { offset }, body, effect, audit }) => {
      const row = await getUploadRow(db, caller.tenantId, uploadId);
      if (row.package_id !== null) return await showUpload(db, row);
      const advanced = await receivePiece(deps, row, { offset, body });
      if (advanced.received_bytes < advanced.size_bytes) return await showUpload(db, advanced);
      return await end(advanced, { caller, effect, audit });
    },
    getObject: async ({ caller: { tenantId }, params: { digest }, headers }) => {
      const [pkg] = await readPackages(db, { tenantId, digest, after: null, rows: 1 });
      const known =
        pkg !== undefined ||
        (await hasBuildpackObject(db, tenantId, digest)) ||
        (await hasModuleObject(db, tenantId, digest));
      const sizeBytes = known ? await objects.size(digest) : null;
      if (sizeBytes === null) throw new PlatformError("NOT_FOUND", { resource: `object ${digest}` });
      return readObject(objects, { digest, sizeBytes }, headers.range);
    },
  };
}
