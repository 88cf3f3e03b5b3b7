import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";

let updated = false;

/** Installs those Debian packages that are missing; on another system, or as another user, the tests say what they skip. */
export function installDebianPackages(packages: readonly string[]): void {
  if (process.getuid?.() !== 0 || !existsSync("/etc/debian_version")) return;
  const missing = packages.filter((name) => !isInstalled(name));
  if (missing.length === 0) return;
  console.log(`installing ${missing.join(", ")} …`);
  if (!updated) aptGet(["update"]);
  updated = true;
  aptGet(["install", "-y", "--no-install-recommends", ...missing]);
}

function isInstalled(name: string): boolean {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the placeholder is dpkg-query's
  const query = spawnSync("dpkg-query", ["-W", "-f", "${db:Status-Abbrev}", name], { encoding: "utf8" });
  return query.status === 0 && query.stdout.startsWith("ii");
}

function aptGet(args: string[]): void {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const { status, stdout, stderr } = spawnSync("apt-get", ["-q", ...args], { encoding: "utf8", env });
  if (status === 0) return;
  console.log(`${stdout}${stderr}`.trimEnd().split("\n").slice(-15).join("\n"));
  throw new Error(`apt-get ${args.join(" ")} ended with ${status}; install the packages by hand and try again`);
}
