import { randomBytes } from "node:crypto";
import { createReadStream, readFileSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { packFolder } from "@evenkeel/client/node/pack";
import { installDebianPackages } from "../tools/test-packages.ts";
import { type Bench, type Benchmark, table } from "./benchmark.ts";
import { output } from "./child.ts";
import { type Machine, type Machines, startMachines } from "./machines.ts";
import { ansible, limit, type Peer, type Release, sshTar } from "./peers.ts";
import { evenkeel } from "./peers-evenkeel.ts";

const PACKAGE_BYTES = 20_000_000;
const PACKAGES = ["ansible-core", "openssh-server", "openssh-client", "curl", "iproute2", "procps"];
const VERSIONS = ["1.0.0", "2.0.0"] as const;

export const benchmark: Benchmark = {
  title: "one release of 20 MB to 30 machines, by Evenkeel, Ansible and ssh + tar, against its parts alone",
  options: { hosts: 30 },
  run: async (bench) => {
    if (process.getuid?.() !== 0) throw new Error("namespaces with mounts of their own need root");
    installDebianPackages(PACKAGES);
    const folder = await mkdtemp(join(tmpdir(), "evenkeel-peers-"));
    bench.defer(() => rm(folder, { recursive: true, force: true }));
    const key = await makeKey(folder);
    const machines = await startMachines(bench.option("hosts"), key.publicKey);
    bench.defer(() => machines.remove());
    const releases = await Promise.all(VERSIONS.map(async (version) => await makeRelease(folder, version)));
    const fileUrl = await serveFiles(bench, machines, folder);
    const place = { folder, machines, keyFile: key.file, fileUrl };
    const peers: Peer[] = [await evenkeel(bench, place), ansible(place), sshTar(place), limit(place)];
    const results = new Map<string, Measured>();
    for (const peer of peers) results.set(peer.name, await measure(bench, { peer, machines: machines.all, releases }));
    return report(results, { bench, hosts: machines.all.length });
  },
};

async function makeKey(folder: string): Promise<{ file: string; publicKey: string }> {
  const file = join(folder, "key");
  const { code } = await output("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", file]);
  if (code !== 0) throw new Error("no ssh key could be made");
  return { file, publicKey: readFileSync(`${file}.pub`, "utf8") };
}

const serverOf = (version: string): string => `import { createServer } from "node:http";
const server = createServer((request, response) => response.end("${version}"));
server.listen(Number(process.env.PORT), process.env.HOST);
`;

/** Random bytes as text do not compress to less than what they hold. */
async function makeRelease(folder: string, version: string): Promise<Release> {
  const source = join(folder, `source-${version}`);
  await mkdir(source);
  await writeFile(join(source, "server.mjs"), serverOf(version));
  await writeFile(join(source, "bits.txt"), randomBytes(PACKAGE_BYTES).toString("base64"));
  const archive = join(folder, `${version}.tar.gz`);
  await packFolder(source, archive);
  return { version, archive };
}

/** For the limit: the bytes over the wire with as little around them as there can be. */
async function serveFiles({ defer }: Bench, { address }: Machines, folder: string): Promise<string> {
  const server = createServer((asked, response) => createReadStream(join(folder, asked.url ?? "")).pipe(response));
  await new Promise<void>((resolve) => void server.listen(0, address, resolve));
  defer(async () => void server.closeAllConnections());
  defer(async () => void server.close());
  return `http://${address}:${(server.address() as { port: number }).port}`;
}

interface Measured {
  readonly ms: number;
  readonly cpuSeconds: number;
  readonly phases: Readonly<Record<string, number>>;
}

interface Measuring {
  readonly peer: Peer;
  readonly machines: readonly Machine[];
  readonly releases: readonly Release[];
}

/** The first release has nothing to stop; the last one is measured. Both are proven by a request to each machine. */
async function measure({ say }: Bench, { peer, machines, releases }: Measuring): Promise<Measured> {
  let measured: Measured = { ms: Number.NaN, cpuSeconds: Number.NaN, phases: {} };
  for (const release of releases) {
    const cpuBefore = busySeconds();
    const beganAt = performance.now();
    const phases = await peer.release(release);
    measured = { ms: performance.now() - beganAt, cpuSeconds: busySeconds() - cpuBefore, phases };
    for (const { name, address } of machines) {
      const answer = await ask(address, peer.port);
      if (answer !== release.version)
        throw new Error(`${peer.name}: ${name} answers "${answer}", not ${release.version}`);
    }
  }
  await peer.end();
  say(`${peer.name}: ${(measured.ms / 1000).toFixed(1)} s, ${measured.cpuSeconds.toFixed(1)} CPU-s`);
  return measured;
}

// Linux counts processor time in hundredths of a second for whoever asks.
const TICKS = 100;

/** Processor time that all of this machine has spent, waiting for disks not counted. */
function busySeconds(): number {
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = (
    readFileSync("/proc/stat", "utf8").split("\n")[0] ?? ""
  )
    .split(/\s+/)
    .slice(1)
    .map(Number);
  return (user + nice + system + irq + softirq) / TICKS;
}

function ask(address: string, port: number): Promise<string> {
  return new Promise((resolve) => {
    const call = request({ host: address, port, agent: false, timeout: 5000 }, (response) => {
      let text = "";
      response.on("data", (bytes) => (text += bytes));
      response.on("end", () => resolve(text));
    });
    call.on("error", (error) => resolve(error.message));
    call.end();
  });
}

function report(results: ReadonlyMap<string, Measured>, { bench, hosts }: { bench: Bench; hosts: number }) {
  const of = (name: string): Measured => results.get(name) ?? { ms: Number.NaN, cpuSeconds: Number.NaN, phases: {} };
  const own = of("evenkeel");
  const rows = [...results].map(([name, { ms, cpuSeconds }]) => [
    name,
    `${(ms / 1000).toFixed(2)} s`,
    `${cpuSeconds.toFixed(1)} s`,
    `${(own.ms / ms).toFixed(2)}`,
  ]);
  bench.say("");
  for (const line of table([["", "wall", "processor", "evenkeel takes × this"], ...rows])) bench.say(line);
  bench.say("");
  for (const name of ["evenkeel", "limit"]) {
    const phases = Object.entries(of(name).phases).map(([phase, ms]) => [phase, String(Math.round(ms))]);
    for (const line of table([[`${name}, phase`, "ms"], ...phases])) bench.say(line);
  }
  return {
    hosts,
    packageBytes: PACKAGE_BYTES,
    evenkeelMs: own.ms,
    ansibleMs: of("ansible").ms,
    sshTarMs: of("ssh + tar").ms,
    limitMs: of("limit").ms,
    cpuSeconds: Object.fromEntries([...results].map(([name, { cpuSeconds }]) => [name, cpuSeconds])),
    phasesMs: own.phases,
    limitPhasesMs: of("limit").phases,
  };
}
