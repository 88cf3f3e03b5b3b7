import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { digestOf } from "@evenkeel/base/bundle/format";
import { zipSync } from "fflate";
import type { TestBundle } from "./base-application.ts";

const JAVA_BASE = fileURLToPath(new URL("../../../examples/java/ArkletBase.java", import.meta.url));

/** How the base is started: with as little memory and compiling as it needs. */
export const JAVA_START = "java -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xmx64m ArkletBase";

/** Why tests with Java are skipped here; null: they run. */
export const NO_JAVA =
  spawnSync("javac", ["-version"]).status === 0 ? null : "there is no JDK (Debian: default-jdk-headless)";

/** A version of a biz in Java, which answers below `/<name>` with its name and version. */
export interface BizVersion {
  readonly name: string;
  readonly version: string;
  /** One of so many requests is answered with 500. */
  readonly failOneOf?: number;
  /** It cannot be started, for this reason. */
  readonly startFails?: string;
}

/** A base in Java and what is to be released onto it. */
export interface JavaBuild {
  /** The files of the base's package. */
  readonly base: Readonly<Record<string, Uint8Array>>;
  readonly jars: readonly TestBundle[];
}

/** Compiles the sample base and these versions, all at once, and packs each version as a jar of that family. */
export function buildJava(versions: readonly BizVersion[]): JavaBuild {
  const folder = mkdtempSync(join(tmpdir(), "evenkeel-biz-"));
  try {
    const files = versions.map((version, index) => {
      const file = join(folder, `Biz${index}.java`);
      writeFileSync(file, sourceOf(version, `Biz${index}`));
      return file;
    });
    const { status, stderr } = spawnSync("javac", ["-d", folder, JAVA_BASE, ...files], { encoding: "utf8" });
    if (status !== 0) throw new Error(stderr);
    const classes = readdirSync(folder).filter((name) => name.endsWith(".class"));
    return {
      base: Object.fromEntries(classes.map((name) => [name, readFileSync(join(folder, name))])),
      jars: versions.map((version, index) => jarOf(version, `Biz${index}`, folder)),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const sourceOf = ({ name, version, failOneOf = 0, startFails }: BizVersion, className: string): string => `package biz;
public final class ${className} implements com.sun.net.httpserver.HttpHandler {
  private final java.util.concurrent.atomic.AtomicInteger served = new java.util.concurrent.atomic.AtomicInteger();
  public ${className}() {
    ${startFails === undefined ? "" : `throw new IllegalStateException(${JSON.stringify(startFails)});`}
  }
  public void handle(com.sun.net.httpserver.HttpExchange exchange) throws java.io.IOException {
    var bytes = ${JSON.stringify(`${name} ${version}`)}.getBytes();
    exchange.sendResponseHeaders(${failOneOf} > 0 && served.incrementAndGet() % ${Math.max(failOneOf, 1)} == 0 ? 500 : 200, bytes.length);
    exchange.getResponseBody().write(bytes);
  }
}
`;

function jarOf({ name, version }: BizVersion, className: string, folder: string): TestBundle {
  const manifest = { "Ark-Biz-Name": name, "Ark-Biz-Version": version, "Main-Class": `biz.${className}` };
  const lines = Object.entries({ "Manifest-Version": "1.0", ...manifest }).map(
    ([key, value]) => `${key}: ${value}\r\n`,
  );
  const path = `biz/${className}.class`;
  const bytes = Buffer.from(
    zipSync({
      "META-INF/MANIFEST.MF": Buffer.from(lines.join("")),
      [path]: readFileSync(join(folder, path)),
    }),
  );
  return { name, version, bytes, object: { digest: digestOf(bytes), sizeBytes: bytes.length } };
}
