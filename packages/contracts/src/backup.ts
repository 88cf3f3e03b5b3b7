import { z } from "zod";
import { endpoint, page, pageQuery } from "./endpoint.ts";
import { Digest, HostId, Moment } from "./id.ts";

/** First entry of a backup, which is a tar archive: what it holds, and of what it was taken. */
export const BackupHead = z.strictObject({
  format: z.literal(1),
  /** Of Evenkeel. */
  version: z.string(),
  epoch: z.int(),
  takenAt: Moment,
  migrations: z.array(z.string()),
  tables: z.array(z.strictObject({ name: z.string(), columns: z.array(z.string()).min(1) })),
  sequences: z.array(z.strictObject({ name: z.string(), value: z.int() })),
  objects: z.array(z.strictObject({ digest: Digest, sizeBytes: z.int() })),
});
export type BackupHead = z.infer<typeof BackupHead>;

/** Last entry: without it the backup is not whole. */
export const BackupEnd = z.strictObject({ rows: z.int(), objects: z.int() });
export type BackupEnd = z.infer<typeof BackupEnd>;

export const BACKUP_HEAD = "backup.json";
export const BACKUP_END = "end.json";

/** What a host runs otherwise than the backup says. */
export const HostDrift = z.strictObject({
  hostId: HostId,
  name: z.string(),
  /** `away` has not been back since the restore. */
  state: z.enum(["away", "as-backed-up", "moved"]),
  /** One sentence each. */
  differences: z.array(z.string()),
});
export type HostDrift = z.infer<typeof HostDrift>;

export const Restoration = z.strictObject({
  /** The generation of the installation that began with it. */
  epoch: z.int(),
  takenAt: Moment,
  restoredAt: Moment,
});
export type Restoration = z.infer<typeof Restoration>;

export const backupEndpoints = {
  /** All of the installation as a tar archive: database, packages, keys. Holds secrets. */
  getBackup: endpoint("GET", "/backup", { needs: "installation:backup", replyKind: "raw" }),
  /** The last restore; 404 where there was none. */
  getRestoration: endpoint("GET", "/restoration", { needs: "doctor:read", reply: Restoration }),
  /** What moved between the backup and the restore, host by host. */
  listHostDrift: endpoint("GET", "/restoration/hosts", {
    needs: "doctor:read",
    query: pageQuery.extend({ state: HostDrift.shape.state.optional() }),
    reply: page(HostDrift),
  }),
};
