import { z } from "zod";
import { endpoint, page, pageQuery } from "./endpoint.ts";
import { Problem } from "./error.ts";
import { Moment, Name } from "./id.ts";

/** What gateways serve TLS by. Hosts and times are read from it; its key is never shown again. */
export const Certificate = z.strictObject({
  name: Name,
  workspace: Name,
  /** Lower case; `*.name` stands for one label. */
  hosts: z.array(z.string()),
  /** For clients that ask for a host that no other certificate of the workspace has; one at most. */
  fallback: z.boolean(),
  issuer: z.string(),
  /** SHA-256 of the certificate, as `ab:cd:…`. */
  fingerprint: z.string(),
  startsAt: Moment,
  endsAt: Moment,
  /** Why nobody is served by it; null where a gateway of its workspace listens for TLS. */
  unserved: Problem.nullable(),
  version: z.int(),
  createdAt: Moment,
  updatedAt: Moment,
});
export type Certificate = z.infer<typeof Certificate>;

/** PEM: the certificate of the host first, then those above it; and its key, without a passphrase. */
export const PutCertificate = z.strictObject({
  workspace: Name.default("local"),
  chain: z.string().max(100_000),
  key: z.string().max(20_000).default(""),
  fallback: z.boolean().default(false),
});
export type PutCertificate = z.infer<typeof PutCertificate>;

const byCertificate = z.strictObject({ certificate: Name });
const inWorkspace = z.strictObject({ workspace: Name.default("local") });

export const certificateEndpoints = {
  listCertificates: endpoint("GET", "/certificates", {
    needs: "certificate:read",
    query: pageQuery.extend({ workspace: Name.optional() }),
    reply: page(Certificate),
  }),
  getCertificate: endpoint("GET", "/certificates/{certificate}", {
    needs: "certificate:read",
    params: byCertificate,
    query: inWorkspace,
    reply: Certificate,
  }),
  /** Makes it, or puts another in its place; gateways show it to new connections. */
  putCertificate: endpoint("PUT", "/certificates/{certificate}", {
    needs: "certificate:update",
    params: byCertificate,
    body: PutCertificate,
    reply: Certificate,
  }),
  deleteCertificate: endpoint("DELETE", "/certificates/{certificate}", {
    needs: "certificate:delete",
    params: byCertificate,
    query: inWorkspace,
    status: 204,
  }),
};
