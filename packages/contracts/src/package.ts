import { z } from "zod";
import { endpoint, page, pageQuery } from "./endpoint.ts";
import { Digest, Moment, Name, PackageId, UploadId, Version } from "./id.ts";

/** The largest package, in bytes. */
export const PACKAGE_LIMIT_BYTES = 2 * 1024 ** 3;
/** The largest unpacked size (a bomb is refused), in bytes, and the largest number of entries. */
export const UNPACKED_LIMIT_BYTES = 8 * 1024 ** 3;
export const ENTRY_LIMIT = 200_000;
/** The largest piece of an upload, in bytes. */
export const UPLOAD_PIECE_BYTES = 8 * 1024 ** 2;

export const Package = z.strictObject({
  id: PackageId,
  application: Name,
  version: Version,
  digest: Digest,
  sizeBytes: z.int(),
  unpackedBytes: z.int(),
  entries: z.int(),
  uploadedBy: z.string(),
  uploadedAt: Moment,
});
export type Package = z.infer<typeof Package>;

/** Begins an upload, or finds the one under way: the same application, version and digest continue where they stopped. Archive formats: .tar, .tar.gz, .zip. */
export const BeginUpload = z.strictObject({
  application: Name,
  version: Version,
  digest: Digest,
  sizeBytes: z.int().min(1).max(PACKAGE_LIMIT_BYTES),
});
export type BeginUpload = z.infer<typeof BeginUpload>;

/** Send bytes from `offset`; `package` is there once the last byte arrived and the archive was verified. */
export const Upload = z.strictObject({
  id: UploadId,
  offset: z.int(),
  sizeBytes: z.int(),
  package: Package.nullable(),
});
export type Upload = z.infer<typeof Upload>;

const byUpload = z.strictObject({ uploadId: UploadId });

export const packageEndpoints = {
  listPackages: endpoint("GET", "/packages", {
    needs: "package:read",
    query: pageQuery.extend({ application: Name.optional(), version: Version.optional() }),
    reply: page(Package),
  }),
  getPackage: endpoint("GET", "/packages/{packageId}", {
    needs: "package:read",
    params: z.strictObject({ packageId: PackageId }),
    reply: Package,
  }),
  beginUpload: endpoint("POST", "/uploads", {
    needs: "package:create",
    body: BeginUpload,
    reply: Upload,
    idempotent: true,
  }),
  getUpload: endpoint("GET", "/uploads/{uploadId}", { needs: "package:create", params: byUpload, reply: Upload }),
  sendPiece: endpoint("PATCH", "/uploads/{uploadId}", {
    needs: "package:create",
    params: byUpload,
    query: z.strictObject({ offset: z.coerce.number().int().min(0) }),
    bodyKind: "raw",
    reply: Upload,
  }),
  /** Bytes of a package or buildpack, by digest, with `Range`; for agents. */
  getObject: endpoint("GET", "/objects/{digest}", {
    needs: "host-credential",
    params: z.strictObject({ digest: Digest }),
    replyKind: "raw",
  }),
};
