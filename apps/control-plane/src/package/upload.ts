/**
 * Invariants:
 * 1. A package exists only when its bits are durable under their digest, and were read from beginning to end as an archive.
 * 2. A version has one set of bits for ever: the first that became a package.
 * 3. Whoever sends the same bits continues the same upload; each byte is taken once, in order.
 */

import type { Readable } from "node:stream";
import { PlatformError } from "@evenkeel/contracts/error";
import type { Digest, TenantId, UploadId } from "@evenkeel/contracts/id";
import { type BeginUpload, UPLOAD_PIECE_BYTES, type Upload } from "@evenkeel/contracts/package";
import type { Kysely, Transaction } from "kysely";
import { findApplication } from "../application/index.ts";
import type { Database } from "../database.ts";
import type { ObjectStore } from "../object-store/index.ts";
import type { RunningHashes } from "./running-hash.ts";
import { findPackage, putPackage, readPackages } from "./store.ts";
import {
  advanceUpload,
  findOrMakeUpload,
  findUpload,
  markEnded,
  removeUpload,
  type UploadRow,
} from "./store-upload.ts";
import { type Verified, verifyArchive } from "./verify-archive.ts";

type Db = Kysely<Database>;

export interface UploadDeps {
  readonly db: Db;
  readonly objects: ObjectStore;
  readonly hashes: RunningHashes;
}

/** Bits that were checked and are durable, on their way to become a package. */
export interface Whole {
  readonly row: UploadRow;
  readonly verified: Verified;
}

/** The upload of these bits, new or under way; refused where the version has other bits. */
export async function beginUpload(db: Db, tenantId: TenantId, body: BeginUpload): Promise<UploadRow> {
  const application = await findApplication(db, { tenantId, name: body.application });
  if (application === null) throw new PlatformError("NOT_FOUND", { resource: `application ${body.application}` });
  const { version, digest, sizeBytes } = body;
  const taken = await findPackage(db, { tenantId, applicationId: application.id, version });
  if (taken !== null && taken.digest !== digest) throw versionTaken(body.application, taken);
  const row = await findOrMakeUpload(db, { tenantId, applicationId: application.id, version, digest, sizeBytes });
  if (row.size_bytes === sizeBytes) return row;
  throw new PlatformError("INPUT_INVALID", {
    field: "sizeBytes",
    problem: `sizeBytes: these bits have ${row.size_bytes}`,
  });
}

/** The upload as a client sees it. */
export async function showUpload(db: Db, row: UploadRow): Promise<Upload> {
  const { id, tenant_id: tenantId, size_bytes: sizeBytes, package_id: packageId } = row;
  if (packageId === null) return { id, offset: row.received_bytes, sizeBytes, package: null };
  const [pkg] = await readPackages(db, { tenantId, id: packageId, after: null, rows: 1 });
  return { id, offset: sizeBytes, sizeBytes, package: pkg! };
}

/** Bits that the tenant has uploaded before, under another version: they need not come again. */
export async function knownBits(db: Db, row: UploadRow): Promise<Whole | null> {
  const [same] = await readPackages(db, { tenantId: row.tenant_id, digest: row.digest, after: null, rows: 1 });
  return same === undefined ? null : { row, verified: { unpackedBytes: same.unpackedBytes, entries: same.entries } };
}

function versionTaken(
  application: string,
  { version, digest }: { readonly version: string; readonly digest: Digest },
): PlatformError {
  return new PlatformError("PACKAGE_VERSION_TAKEN", { application, version, digest });
}

/** Takes one piece. */
export async function receivePiece(
  { db, objects, hashes }: UploadDeps,
  row: UploadRow,
  { offset, body }: { readonly offset: number; readonly body: Readable },
): Promise<UploadRow> {
  if (row.received_bytes !== offset) throw new PlatformError("UPLOAD_OFFSET_WRONG", { offset: row.received_bytes });
  const hash = hashes.fork(row.id, offset);
  const limitBytes = Math.min(UPLOAD_PIECE_BYTES, row.size_bytes - offset);
  const piece = await objects.receive(body, { limitBytes, watch: (chunk) => hash?.update(chunk) });
  try {
    if (piece.sizeBytes === 0) return row;
    const bytes = piece.sizeBytes;
    const advanced = await advanceUpload(db, { id: row.id, offset, bytes }, () =>
      objects.append(row.id, offset, piece),
    );
    if (hash !== null) hashes.keep(row.id, advanced.received_bytes, hash);
    return advanced;
  } finally {
    await piece.drop();
  }
}

/** Compares the digest, reads the archive and makes its bits durable. Refused bits are gone, and their upload with them. */
export async function completeUpload({ db, objects, hashes }: UploadDeps, row: UploadRow): Promise<Whole> {
  const file = objects.draftFile(row.id);
  try {
    const actual = await hashes.digest(row.id, row.size_bytes, file);
    if (actual !== row.digest) throw new PlatformError("PACKAGE_DIGEST_MISMATCH", { actual, expected: row.digest });
    const verified = await verifyArchive(file);
    await objects.keep(row.id, row.digest);
    // killed here: the upload still stands at its end; the next `beginUpload` comes back to this function
    return { row, verified };
  } catch (error) {
    const lost = (error as NodeJS.ErrnoException).code === "ENOENT";
    if (!lost && !(error instanceof PlatformError && error.code.startsWith("PACKAGE_"))) throw error;
    hashes.forget(row.id);
    await removeUpload(db, row.id);
    await objects.drop(row.id);
    // Another process ended this upload, or its draft was lost with a disk: beginning anew shows which.
    throw lost ? new PlatformError("UPLOAD_OFFSET_WRONG", { offset: 0 }) : error;
  }
}

/** The row of an upload under way. */
export async function getUploadRow(db: Db, tenantId: TenantId, id: UploadId): Promise<UploadRow> {
  const row = await findUpload(db, tenantId, id);
  if (row === null) throw new PlatformError("NOT_FOUND", { resource: `upload ${id}` });
  return row;
}

/** The last transaction of an upload: the package is there, unless other bits took its version meanwhile. */
export async function endUpload(
  tx: Transaction<Database>,
  principalName: string,
  { row, verified }: Whole,
): Promise<Upload> {
  const pkg = await putPackage(tx, {
    tenantId: row.tenant_id,
    applicationId: row.application_id,
    version: row.version,
    digest: row.digest,
    sizeBytes: row.size_bytes,
    ...verified,
    uploadedBy: principalName,
  });
  if (pkg.digest !== row.digest) throw versionTaken(pkg.application, pkg);
  await markEnded(tx, row.id, pkg.id);
  return { id: row.id, offset: row.size_bytes, sizeBytes: row.size_bytes, package: pkg };
}
