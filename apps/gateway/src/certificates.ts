import type { TableCertificate } from "@evenkeel/contracts/route-table";
import { readCertificate } from "@evenkeel/kit/certificate";

/** Which certificate serves which host; both drivers go by it. */
export interface Shown {
  /** Whole names, and `*.name` for one label in its place. */
  readonly byHost: ReadonlyMap<string, TableCertificate>;
  /** For clients that name no host, or one that no certificate has. */
  readonly fallback: TableCertificate | null;
}

/** Of several certificates for one host the one that lasts longest serves it. */
export function shownBy(certificates: readonly TableCertificate[]): Shown {
  const byHost = new Map<string, TableCertificate>();
  const ordered = certificates.toSorted(
    (one, other) => compare(one.endsAt, other.endsAt) || compare(one.name, other.name),
  );
  for (const certificate of ordered) for (const host of certificate.hosts) byHost.set(host, certificate);
  return { byHost, fallback: ordered.findLast(({ fallback }) => fallback) ?? null };
}

const compare = (one: string, other: string): number => (one < other ? -1 : one > other ? 1 : 0);

/** The certificate for a host as a client named it: of its whole name, of a wildcard, else of the default. */
export function certificateFor({ byHost, fallback }: Shown, host: string): TableCertificate | null {
  const name = host.toLowerCase();
  return byHost.get(name) ?? byHost.get(`*${name.slice(name.indexOf("."))}`) ?? fallback;
}

/** Throws where one of them cannot be served by; whether it has ended is no matter here, for routes must go on. */
export function checkCertificates(certificates: readonly TableCertificate[]): void {
  for (const certificate of certificates) readCertificate(certificate);
}
