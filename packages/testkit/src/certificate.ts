import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A certificate and its key, as PEM. */
export interface MadeCertificate {
  readonly chain: string;
  readonly key: string;
}

export interface CertificateWish {
  /** Names that it is for; none = it names nobody. */
  readonly hosts: readonly string[];
  /** It ended long ago. */
  readonly ended?: boolean;
  /** Default: not in our days. */
  readonly endsAt?: Date;
  /** `rsa-1024` is too weak to be taken by anybody. */
  readonly key?: "ec" | "rsa-1024";
}

const CONFIG = `
[ca]
default_ca = ours
[ours]
database = index
serial = serial
new_certs_dir = .
default_md = sha256
policy = any
copy_extensions = copy
unique_subject = no
[any]
commonName = optional
`;

/** As OpenSSL writes it: `20991231000000Z`. */
const timeOf = (at: Date): string => at.toISOString().replaceAll(/[-:T]|\.\d+/g, "");

/** Makes a self-signed certificate with OpenSSL's command. */
export function makeCertificate({ hosts, ended = false, endsAt, key = "ec" }: CertificateWish): MadeCertificate {
  const folder = mkdtempSync(join(tmpdir(), "certificate-"));
  const run = (...args: string[]): void => void execFileSync("openssl", args, { cwd: folder, stdio: "pipe" });
  try {
    const kind = key === "ec" ? ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"] : ["rsa:1024"];
    const names =
      hosts.length === 0 ? [] : ["-addext", `subjectAltName=${hosts.map((host) => `DNS:${host}`).join(",")}`];
    run(
      "req",
      "-new",
      "-newkey",
      ...kind,
      "-nodes",
      "-keyout",
      "key",
      "-out",
      "request",
      "-subj",
      `/CN=${hosts[0] ?? "nobody"}`,
      ...names,
    );
    writeFileSync(join(folder, "config"), CONFIG);
    writeFileSync(join(folder, "index"), "");
    const end = endsAt === undefined ? "20991231000000Z" : timeOf(endsAt);
    const [from, to] = ended ? ["20010101000000Z", "20010201000000Z"] : ["20200101000000Z", end];
    const times = ["-startdate", from ?? "", "-enddate", to ?? ""];
    const out = ["-out", "certificate", "-notext", "-batch", "-rand_serial"];
    run("ca", "-config", "config", "-selfsign", "-keyfile", "key", "-in", "request", ...times, ...out);
    const read = (name: string): string => readFileSync(join(folder, name), "utf8");
    return { chain: read("certificate"), key: read("key") };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
