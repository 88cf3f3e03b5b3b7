import { hash } from "node:crypto";
import { PlatformError } from "@evenkeel/contracts/error";
import { Digest } from "@evenkeel/contracts/id";
import { BUNDLE_LIMIT_BYTES, BUNDLE_UNPACKED_LIMIT_BYTES, BundleFacts } from "@evenkeel/contracts/module";
import { unzipSync, zipSync } from "fflate";
import { z } from "zod";

const FACTS = "module.json";
const CODE = "index.js";
const CACHE = "index.cache";
/** Tools of the SOFAArk family read name and version of a module here. */
const JAR_MANIFEST = "META-INF/MANIFEST.MF";
const FILES = new Set([FACTS, CODE, CACHE]);
// Of no time at all, so that the same content has the same digest.
const NO_TIME = new Date(1980, 0, 1);

/** The content of a bundle. */
export interface Bundle {
  readonly facts: BundleFacts;
  readonly code: Buffer;
  readonly cache: Buffer | null;
}

/** `sha256:…` of some bytes. */
export function digestOf(bytes: Uint8Array): Digest {
  return Digest.parse(`sha256:${hash("sha256", bytes)}`);
}

/** Packs a bundle: a zip without compression, because it is opened more often than sent. */
export function packBundle({ facts, code, cache }: Bundle): Uint8Array {
  const { name, version } = facts.manifest;
  const jar = `Manifest-Version: 1.0\nArk-Biz-Name: ${name}\nArk-Biz-Version: ${version}\nMain-Class: ${name}\n\n`;
  const files = {
    [JAR_MANIFEST]: Buffer.from(jar),
    [FACTS]: Buffer.from(`${JSON.stringify(facts, null, 2)}\n`),
    [CODE]: code,
    ...(cache && { [CACHE]: cache }),
  };
  return zipSync(files, { level: 0, mtime: NO_TIME });
}

/** Opens a bundle and checks what it says of itself. */
export function unpackBundle(bytes: Uint8Array): Bundle {
  if (bytes.length > BUNDLE_LIMIT_BYTES) throw invalid(`it has more than ${BUNDLE_LIMIT_BYTES} bytes`);
  const files = unzip(bytes);
  const facts = readFacts(files[FACTS]);
  const code = files[CODE];
  if (code === undefined) throw invalid(`it holds no ${CODE}`);
  if (digestOf(code) !== facts.codeDigest) throw invalid(`${CODE} is not what ${FACTS} says`);
  const cache = files[CACHE];
  return { facts, code: bufferOf(code), cache: cache === undefined ? null : bufferOf(cache) };
}

const bufferOf = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

function unzip(bytes: Uint8Array): Record<string, Uint8Array> {
  let unpacked = 0;
  try {
    return unzipSync(bytes, {
      filter: ({ name, originalSize }) => {
        if (!FILES.has(name)) return false;
        unpacked += originalSize;
        if (unpacked > BUNDLE_UNPACKED_LIMIT_BYTES) throw invalid("it is too large once unpacked");
        return true;
      },
    });
  } catch (error) {
    if (error instanceof PlatformError) throw error;
    throw invalid(error instanceof Error ? error.message : String(error));
  }
}

function readFacts(bytes: Uint8Array | undefined): BundleFacts {
  if (bytes === undefined) throw invalid(`it holds no ${FACTS}`);
  const parsed = BundleFacts.safeParse(parseJson(bytes));
  if (!parsed.success) throw invalid(`${FACTS}: ${z.prettifyError(parsed.error).replaceAll("\n", " ")}`);
  return parsed.data;
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString("utf8"));
  } catch {
    return null;
  }
}

const invalid = (problem: string): PlatformError => new PlatformError("BUNDLE_INVALID", { problem });
