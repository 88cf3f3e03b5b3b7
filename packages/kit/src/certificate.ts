import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { createSecureContext } from "node:tls";
import { PlatformError } from "@evenkeel/contracts/error";

/** A certificate with its key as people hand it in: PEM, the certificate of the host first. */
export interface GivenCertificate {
  readonly name: string;
  readonly chain: string;
  readonly key: string;
}

/** What a certificate says of itself. */
export interface CertificateFacts {
  /** In small letters; `*.name` stands for one label. */
  readonly hosts: readonly string[];
  readonly issuer: string;
  /** SHA-256 of the certificate, as `ab:cd:…`. */
  readonly fingerprint: string;
  readonly startsAt: string;
  readonly endsAt: string;
  /** Chain and key without anything beside them. */
  readonly chain: string;
  readonly key: string;
}

const BLOCK = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;
const HOST = /^(\*\.)?[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*$/;
const MOST_IN_CHAIN = 10;

/** Reads a certificate and proves that its key is its own and that a server can serve by it; throws what is wrong with it. Whether its time is now is for the caller to judge. */
export function readCertificate({ name, chain, key }: GivenCertificate): CertificateFacts {
  const blocks = chain.match(BLOCK) ?? [];
  const invalid = (problem: string, part: "chain" | "key" = "chain"): PlatformError =>
    new PlatformError("CERTIFICATE_INVALID", { name, problem, part });
  if (blocks.length === 0) throw invalid("there is no block BEGIN CERTIFICATE in it");
  if (blocks.length > MOST_IN_CHAIN) throw invalid(`${blocks.length} certificates in one chain`);
  const certificates = blocks.map((block, index) => parsed(block) ?? index);
  const broken = certificates.find((one) => typeof one === "number");
  if (broken !== undefined) throw invalid(`certificate ${broken + 1} of the chain cannot be read`);
  const [own, ...above] = certificates.filter((one) => typeof one !== "number") as [
    X509Certificate,
    ...X509Certificate[],
  ];
  const gap = [own, ...above].findIndex((one, index, all) => index > 0 && all[index - 1]?.checkIssued(one) !== true);
  if (gap > 0) throw invalid(`certificate ${gap + 1} of the chain has not issued certificate ${gap}`);
  if (key.trim() === "") throw new PlatformError("CERTIFICATE_KEY_MISSING", { name });
  const secret = readKey(key);
  if (typeof secret === "string") throw invalid(secret, "key");
  if (!own.checkPrivateKey(secret)) throw new PlatformError("CERTIFICATE_KEY_FOREIGN", { name });
  const facts = {
    hosts: hostsOf(own),
    issuer: own.issuer.replaceAll("\n", ", "),
    fingerprint: own.fingerprint256.toLowerCase(),
    startsAt: own.validFromDate.toISOString(),
    endsAt: own.validToDate.toISOString(),
    chain: `${blocks.join("\n")}\n`,
    key: String(secret.export({ type: "pkcs8", format: "pem" })),
  };
  const refusal = refusalOf(facts);
  if (refusal !== null) throw invalid(refusal);
  return facts;
}

function parsed(block: string): X509Certificate | null {
  try {
    return new X509Certificate(block);
  } catch {
    return null;
  }
}

/** The key, or what is wrong with it: never in OpenSSL's words, which might tell of its content. */
function readKey(pem: string): KeyObject | string {
  try {
    return createPrivateKey(pem);
  } catch {
    return pem.includes("ENCRYPTED") ? "its key is encrypted" : "its key cannot be read as PEM";
  }
}

/** What a server of today has against it: too weak a key or signature, for instance. */
function refusalOf({ chain, key }: { readonly chain: string; readonly key: string }): string | null {
  try {
    createSecureContext({ cert: chain, key });
    return null;
  } catch (error) {
    return (error as Error).message.replace(/^.*:/, "").trim();
  }
}

function hostsOf(certificate: X509Certificate): string[] {
  const names = (certificate.subjectAltName ?? "").split(", ").flatMap((entry) => {
    const host = /^DNS:(.+)$/.exec(entry)?.[1]?.toLowerCase();
    return host !== undefined && HOST.test(host) ? [host] : [];
  });
  return [...new Set(names)];
}
