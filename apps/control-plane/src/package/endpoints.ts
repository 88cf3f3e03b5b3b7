import { PlatformError } from "@evenkeel/contracts/error";
import type { UploadId } from "@evenkeel/contracts/id";
import type { Upload } from "@evenkeel/contracts/package";
import { hasBuildpackObject } from "../buildpack/index.ts";
import type { Handlers, RequestOf } from "../http/index.ts";
import { readObject } from "./object.ts";
import { pageOfPackages, readPackages } from "./store.ts";
import type { UploadRow } from "./store-upload.ts";
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

export function packageHandlers(deps: UploadDeps): Handlers<Operations> {
  const { db, objects } = deps;
  const completions = new Map<UploadId, Promise<Whole>>();
  /** Two requests that find the same upload whole read its archive once. */
  const complete = async (row: UploadRow): Promise<Whole> => {
    const running = completions.get(row.id) ?? completeUpload(deps, row);
    completions.set(row.id, running);
    return await running.finally(() => completions.delete(row.id));
  };
  const end = async (row: UploadRow, known: Whole | null, request: Ending): Promise<Upload> => {
    const { caller, effect, audit } = request;
    const whole = known ?? (await complete(row));
    audit.details = { uploadId: row.id, version: row.version, digest: row.digest, sizeBytes: row.size_bytes };
    const upload = await effect(async (tx) => {
      const ended = await endUpload(tx, caller.principalName, whole);
      audit.resource = `package/${ended.package?.id}`;
      return ended;
    });
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
      const row = await beginUpload(db, caller.tenantId, body);
      if (row.package_id !== null) return await showUpload(db, row);
      const known = await knownBits(db, row);
      if (known === null && row.received_bytes < row.size_bytes) return await showUpload(db, row);
      return await end(row, known, { caller, effect, audit });
    },
    getUpload: async ({ caller, params: { uploadId } }) =>
      await showUpload(db, await getUploadRow(db, caller.tenantId, uploadId)),
    sendPiece: async ({ caller, params: { uploadId }, query: { offset }, body, effect, audit }) => {
      const row = await getUploadRow(db, caller.tenantId, uploadId);
      if (row.package_id !== null) return await showUpload(db, row);
      const advanced = await receivePiece(deps, row, { offset, body });
      if (advanced.received_bytes < advanced.size_bytes) return await showUpload(db, advanced);
      return await end(advanced, null, { caller, effect, audit });
    },
    getObject: async ({ caller: { tenantId }, params: { digest }, headers }) => {
      const [pkg] = await readPackages(db, { tenantId, digest, after: null, rows: 1 });
      const known = pkg !== undefined || (await hasBuildpackObject(db, tenantId, digest));
      const sizeBytes = known ? await objects.size(digest) : null;
      if (sizeBytes === null) throw new PlatformError("NOT_FOUND", { resource: `object ${digest}` });
      return readObject(objects, { digest, sizeBytes }, headers.range);
    },
  };
}
