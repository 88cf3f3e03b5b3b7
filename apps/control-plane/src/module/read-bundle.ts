import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { buffer } from "node:stream/consumers";
import { bizNameIn, JAR_MANIFEST } from "@evenkeel/contracts/ark-biz";
import { PlatformError } from "@evenkeel/contracts/error";
import { Digest } from "@evenkeel/contracts/id";
import { BUNDLE_UNPACKED_LIMIT_BYTES, BundleFacts, ModuleManifest } from "@evenkeel/contracts/module";
import { type Entry, openPromise, type ZipFile } from "yauzl";
import { z } from "zod";

const FACTS = "module.json";
const CODE = "index.js";
const FACTS_LIMIT_BYTES = 1024 ** 2;

/** Reads what a bundle says of itself, and that its code is the one that it speaks of; of a biz of the SOFAArk family its name and version. Nothing of it is run. */
export async function readBundle(file: string): Promise<BundleFacts> {
  try {
    return await readZip(file);
  } catch (error) {
    if (error instanceof PlatformError || (error instanceof Error && "syscall" in error)) throw error;
    throw invalid((error instanceof Error ? error.message : String(error)).replace(/\.$/, ""));
  }
}

async function readZip(file: string): Promise<BundleFacts> {
  const { facts, jar, codeDigest } = await readParts(file);
  if (facts === null) return await factsOfJar(file, jar);
  if (codeDigest === null) throw invalid(`it holds no ${CODE}`);
  if (codeDigest !== facts.codeDigest) throw invalid(`${CODE} is not what ${FACTS} says`);
  return facts;
}

interface Parts {
  facts: BundleFacts | null;
  jar: string | null;
  codeDigest: string | null;
}

async function readParts(file: string): Promise<Parts> {
  const zip = await openPromise(file, { validateEntrySizes: true, strictFileNames: true });
  const parts: Parts = { facts: null, jar: null, codeDigest: null };
  let unpackedBytes = 0;
  for await (const entry of zip.eachEntry()) {
    unpackedBytes += entry.uncompressedSize;
    if (unpackedBytes > BUNDLE_UNPACKED_LIMIT_BYTES) throw invalid("it is too large once unpacked");
    if (entry.fileName === FACTS) parts.facts = parseFacts(await readFacts(zip, entry));
    if (entry.fileName === JAR_MANIFEST) parts.jar = await readFacts(zip, entry);
    if (entry.fileName === CODE) parts.codeDigest = await digestOf(zip, entry);
  }
  return parts;
}

/** Made by other tools: it is a module of a foreign base, and one of ours refuses it. */
async function factsOfJar(file: string, manifest: string | null): Promise<BundleFacts> {
  const biz = manifest === null ? null : bizNameIn(manifest);
  if (biz === null) throw invalid(`it holds no ${FACTS}, and no ${JAR_MANIFEST} with Ark-Biz-Name and Ark-Biz-Version`);
  const parsed = ModuleManifest.safeParse(biz);
  if (!parsed.success)
    throw invalid(`${biz.name} ${biz.version}: ${z.prettifyError(parsed.error).replaceAll("\n", " ")}`);
  return { manifest: parsed.data, codeDigest: Digest.parse(await digestOfFile(file)), cache: null };
}

async function readFacts(zip: ZipFile, entry: Entry): Promise<string> {
  if (entry.uncompressedSize > FACTS_LIMIT_BYTES) throw invalid(`${FACTS} is too large`);
  return (await buffer(await zip.openReadStreamPromise(entry))).toString("utf8");
}

async function digestOf(zip: ZipFile, entry: Entry): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of await zip.openReadStreamPromise(entry)) hash.update(chunk as Buffer);
  return `sha256:${hash.digest("hex")}`;
}

function parseFacts(text: string): BundleFacts {
  const parsed = BundleFacts.safeParse(JSON.parse(text));
  if (parsed.success) return parsed.data;
  throw invalid(`${FACTS}: ${z.prettifyError(parsed.error).replaceAll("\n", " ")}`);
}

const invalid = (problem: string): PlatformError => new PlatformError("BUNDLE_INVALID", { problem });

/** The digest of a file. */
export async function digestOfFile(file: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  return `sha256:${hash.digest("hex")}`;
}
