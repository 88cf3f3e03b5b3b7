import { PlatformError } from "@evenkeel/contracts/error";
import type { Name, TenantId, WorkspaceId } from "@evenkeel/contracts/id";
import { say } from "@evenkeel/contracts/phrase";
import { type CertificateFacts, readCertificate } from "@evenkeel/kit/certificate";
import type { Clock } from "@evenkeel/kit/clock";
import type { Kysely } from "kysely";
import type { Database } from "../database.ts";
import type { Handlers } from "../http/index.ts";
import { findWorkspace } from "../workspace/index.ts";
import { keySeal } from "./key-seal.ts";
import { certificateLabel, deleteCertificate, getCertificate, listCertificates, putCertificate } from "./store.ts";

export interface CertificateDeps {
  readonly db: Kysely<Database>;
  readonly clock: Clock;
  /** The installation's own. */
  readonly secretKey: string | null;
}

type Operations = "listCertificates" | "getCertificate" | "putCertificate" | "deleteCertificate";

export function certificateHandlers({ db, clock, secretKey }: CertificateDeps): Handlers<Operations> {
  const seal = keySeal(secretKey);
  const workspaceIdOf = async (tenantId: TenantId, name: Name): Promise<WorkspaceId> => {
    const found = await findWorkspace(db, { tenantId, name });
    if (found === null) throw new PlatformError("NOT_FOUND", { resource: `workspace ${name}` });
    return found.id;
  };
  return {
    listCertificates: ({ caller: { tenantId }, query: { workspace, ...page } }) =>
      listCertificates(db, { tenantId, page, ...(workspace !== undefined && { workspace }) }),
    getCertificate: ({ caller: { tenantId }, params: { certificate: name }, query: { workspace } }) =>
      getCertificate(db, { tenantId, workspace, name }),
    putCertificate: async ({ caller: { tenantId }, params: { certificate: name }, body, effect, audit }) => {
      const { workspace, chain, key, fallback } = body;
      const facts = readCertificate({ name, chain, key });
      refuseUnfit({ name, fallback, facts }, await clock.databaseNow());
      const workspaceId = await workspaceIdOf(tenantId, workspace);
      const { hosts, fingerprint, endsAt } = facts;
      audit.details = { workspace, fallback, hosts, fingerprint, endsAt };
      return await effect(async (tx) => {
        await putCertificate(tx, { tenantId, workspaceId, name, facts, fallback }, seal);
        return await getCertificate(tx, { tenantId, workspace, name });
      });
    },
    deleteCertificate: async ({
      caller: { tenantId },
      params: { certificate: name },
      query: { workspace },
      effect,
    }) => {
      const workspaceId = await workspaceIdOf(tenantId, workspace);
      await effect(async (tx) => {
        if (await deleteCertificate(tx, { tenantId, workspaceId, name })) return undefined;
        throw new PlatformError("NOT_FOUND", { resource: certificateLabel(name, workspace) });
      });
    },
  };
}

interface Judged {
  readonly name: Name;
  readonly fallback: boolean;
  readonly facts: CertificateFacts;
}

function refuseUnfit({ name, fallback, facts }: Judged, now: string): void {
  const { hosts, startsAt, endsAt } = facts;
  if (Date.parse(endsAt) <= Date.parse(now)) throw new PlatformError("CERTIFICATE_ENDED", { name, endedAt: endsAt });
  if (Date.parse(startsAt) > Date.parse(now))
    throw new PlatformError("CERTIFICATE_INVALID", { name, problem: say("why.begins-later", { at: startsAt }) });
  if (hosts.length === 0 && !fallback) throw new PlatformError("CERTIFICATE_NAMES_NOBODY", { name });
}
