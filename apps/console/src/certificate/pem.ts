/** What a person hands in: PEM, the certificate of the host first, and its key. */
export interface Pem {
  readonly chain: string;
  readonly key: string;
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;
const KEY = /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]+?-----END [A-Z ]*PRIVATE KEY-----/;

/** Certificates and key of a text, which may hold both; empty where there is none. */
export function pemOf(text: string): Pem {
  const chain = text.match(CERTIFICATE)?.join("\n") ?? "";
  return { chain, key: KEY.exec(text)?.[0] ?? "" };
}

/** What is handed in after one more text was pasted into a field: each part of it goes where it belongs. */
export function withText(pem: Pem, part: keyof Pem, text: string): Pem {
  const found = pemOf(text);
  if (found.chain === "" && found.key === "") return { ...pem, [part]: text };
  return { chain: found.chain || pem.chain, key: found.key || pem.key };
}

/** How many certificates, or keys, a field holds; 0 = what stands in it is none. */
export function countIn(part: keyof Pem, text: string): number {
  return part === "chain" ? (text.match(CERTIFICATE)?.length ?? 0) : KEY.test(text) ? 1 : 0;
}
