import type { TableCertificate } from "@evenkeel/contracts/route-table";
import { shownBy } from "../certificates.ts";

const LIST_FILE = "certificates.list";
// HAProxy takes names out of a certificate that is listed without one: what nobody asks for stands in their place.
const NOBODY = "default.invalid";

const fileOf = ({ name }: TableCertificate): string => `certificate-${name}.pem`;

/** Whether a file of this name holds a certificate and its key. */
export const isCertificateFile = (name: string): boolean => /^certificate-.*\.pem$/.test(name);

/** Certificates with their keys, and the list of which serves whom: the first is the default, where there is one. */
export function certificateFiles(certificates: readonly TableCertificate[]): Record<string, string> {
  const { byHost, fallback } = shownBy(certificates);
  const hosts = Map.groupBy(byHost, ([, certificate]) => certificate);
  const used = new Set(fallback === null ? hosts.keys() : [fallback, ...hosts.keys()]);
  const lines = [...used].map((certificate) => {
    const names = hosts.get(certificate)?.map(([host]) => host) ?? [NOBODY];
    return `${fileOf(certificate)} ${names.join(" ")}\n`;
  });
  const files = [...used].map(
    (certificate) => [fileOf(certificate), `${certificate.chain}${certificate.key}`] as const,
  );
  return { ...Object.fromEntries(files), [LIST_FILE]: lines.join("") };
}

/** How the door for TLS is opened. Without a default nobody is let in but for the hosts of the list. */
export function tlsOf(hasFallback: boolean): string {
  return `ssl crt-list ${LIST_FILE}${hasFallback ? "" : " strict-sni"} alpn h2,http/1.1 ssl-min-ver TLSv1.2`;
}
