import { generateKeyPairSync } from "node:crypto";
import { PlatformError } from "@evenkeel/contracts/error";
import { makeCertificate } from "@evenkeel/testkit/certificate";
import { expect, test } from "vitest";
import { type GivenCertificate, readCertificate } from "./certificate.ts";

const made = makeCertificate({ hosts: ["Shop.example.org", "*.example.org"] });
const other = makeCertificate({ hosts: ["other.example.org"] });

function problemOf(given: Partial<GivenCertificate>): unknown {
  try {
    readCertificate({ name: "shop", ...made, ...given });
    return null;
  } catch (error) {
    return error instanceof PlatformError ? { code: error.code, ...error.facts } : error;
  }
}

test("hosts, times and issuer are read from the certificate", () => {
  expect(readCertificate({ name: "shop", ...made })).toMatchObject({
    hosts: ["shop.example.org", "*.example.org"],
    issuer: "CN=Shop.example.org",
    startsAt: "2020-01-01T00:00:00.000Z",
    endsAt: "2099-12-31T00:00:00.000Z",
    fingerprint: expect.stringMatching(/^([0-9a-f]{2}:){31}[0-9a-f]{2}$/),
  });
});

test("what stands around the blocks is left out", () => {
  const { chain, key } = readCertificate({ name: "shop", ...made, chain: `subject=shop\n${made.chain}\nend` });
  expect(chain).toBe(made.chain);
  expect(key).toMatch(/^-----BEGIN PRIVATE KEY-----/);
});

test("without its key, or with another's, it is refused by a code of its own", () => {
  expect(problemOf({ key: " " })).toEqual({ code: "CERTIFICATE_KEY_MISSING", name: "shop" });
  expect(problemOf({ key: other.key })).toEqual({ code: "CERTIFICATE_KEY_FOREIGN", name: "shop" });
});

const encrypted = generateKeyPairSync("ec", {
  namedCurve: "P-256",
  publicKeyEncoding: { type: "spki", format: "pem" },
  privateKeyEncoding: { type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "secret" },
}).privateKey;
const damaged = made.chain.replace("MII", "AAA");

test.each<[string, Partial<GivenCertificate>, RegExp]>([
  ["no PEM at all", { chain: "hello" }, /no block/],
  ["a damaged block", { chain: damaged }, /certificate 1 of the chain cannot be read/],
  [
    "a damaged block further up",
    { chain: `${made.chain}${other.chain.replace(/M/g, "!")}` },
    /certificate 2 .* cannot be read/,
  ],
  [
    "one that has not issued the one before",
    { chain: `${made.chain}${other.chain}` },
    /2 .* has not issued certificate 1/,
  ],
  ["a key that is no PEM", { key: "hello" }, /key cannot be read/],
  ["a key behind a passphrase", { key: encrypted }, /key is encrypted/],
  ["a key that is too weak", makeCertificate({ hosts: ["a.example.org"], key: "rsa-1024" }), /too small/],
])("%s is refused with the reason", (_, given, problem) => {
  expect(problemOf(given)).toMatchObject({ code: "CERTIFICATE_INVALID", problem: expect.stringMatching(problem) });
});
