import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmdirSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

// Machines made of namespaces: each has a network, mounts, process ids and a host name of its own, and an overlay of this
// machine's disk as its root. What they write lies in memory, for every contender alike.

/** One machine. */
export interface Machine {
  readonly name: string;
  readonly address: string;
  /** Runs a program inside; answers when it has ended. */
  run(command: readonly string[], environment?: Readonly<Record<string, string>>): Promise<Ended>;
  /** Starts a program inside that goes on by itself. */
  start(command: readonly string[], environment?: Readonly<Record<string, string>>): void;
}

export interface Ended {
  readonly code: number | null;
  readonly text: string;
}

/** Machines on one bridge; `address` is this machine's own on it. */
export interface Machines {
  readonly address: string;
  readonly all: readonly Machine[];
  remove(): Promise<void>;
}

const BRIDGE = "evkbench";
const NETWORK = "10.77";
const ADDRESS = `${NETWORK}.0.1`;
/** Where every machine sees the files that all of them read. */
const SHARED = "/run/bench";
const READY_MS = 30_000;

const INIT = `set -e
mount -t overlay overlay -o "lowerdir=/,upperdir=$DISK/upper,workdir=$DISK/work" "$DISK/root"
mount --rbind /dev "$DISK/root/dev"
mount -t proc proc "$DISK/root/proc"
mount -t tmpfs tmpfs "$DISK/root/run"
hostname "$NAME"
mkdir -p "$DISK/root/run/sshd" "$DISK/root/run/bench"
mount --bind "$SHARED" "$DISK/root/run/bench"
exec chroot "$DISK/root" /usr/sbin/sshd -D -f /run/bench/sshd.conf
`;

function must(command: string, ...args: readonly string[]): void {
  const { status, stderr } = spawnSync(command, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")}: ${stderr.trim()}`);
}

/** Makes so many machines, with an ssh server that lets this key in. */
export async function startMachines(count: number, publicKey: string): Promise<Machines> {
  const folder = mkdtempSync(join(tmpdir(), "evenkeel-machines-"));
  const inits: ChildProcess[] = [];
  const names = Array.from({ length: count }, (_, index) => `machine-${index + 1}`);
  const remove = async (): Promise<void> => await removeAll(folder, names, inits);
  try {
    must("mount", "-t", "tmpfs", "-o", "size=12g,mode=700", "tmpfs", folder);
    must("ip", "link", "add", BRIDGE, "type", "bridge");
    must("ip", "address", "add", `${ADDRESS}/16`, "dev", BRIDGE);
    must("ip", "link", "set", BRIDGE, "up");
    const shared = join(folder, "shared");
    mkdirSync(shared);
    writeSshd(shared, publicKey);
    const all = names.map((name, index) => startMachine({ folder, name, index, shared, inits }));
    await Promise.all(all.map(({ address }) => answers(address)));
    return { address: ADDRESS, all, remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

/** Machines find it below `SHARED`. */
function writeSshd(folder: string, publicKey: string): void {
  must("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", join(folder, "host-key"));
  writeFileSync(join(folder, "authorized_keys"), publicKey, { mode: 0o600 });
  const lines = [
    `HostKey ${SHARED}/host-key`,
    `AuthorizedKeysFile ${SHARED}/authorized_keys`,
    "PermitRootLogin prohibit-password",
    "PasswordAuthentication no",
    "UsePAM no",
    "UseDNS no",
    "StrictModes no",
    "MaxStartups 200",
    "PidFile none",
    "Subsystem sftp internal-sftp",
  ];
  writeFileSync(join(folder, "sshd.conf"), `${lines.join("\n")}\n`);
}

interface Starting {
  readonly folder: string;
  readonly name: string;
  readonly index: number;
  readonly shared: string;
  readonly inits: ChildProcess[];
}

const namespaceOf = (name: string): string => `${BRIDGE}-${name}`;

function startMachine({ folder, name, index, shared, inits }: Starting): Machine {
  const address = `${NETWORK}.1.${index + 1}`;
  const namespace = namespaceOf(name);
  const veth = `evkb${index + 1}`;
  must("ip", "netns", "add", namespace);
  must("ip", "link", "add", veth, "type", "veth", "peer", "name", "eth0", "netns", namespace);
  must("ip", "link", "set", veth, "master", BRIDGE, "up");
  must("ip", "-n", namespace, "address", "add", `${address}/16`, "dev", "eth0");
  must("ip", "-n", namespace, "link", "set", "eth0", "up");
  must("ip", "-n", namespace, "link", "set", "lo", "up");
  const disk = join(folder, name);
  for (const part of ["upper", "work", "root"]) mkdirSync(join(disk, part), { recursive: true });
  const init = spawn(
    "nsenter",
    [
      `--net=/run/netns/${namespace}`,
      "unshare",
      "--mount",
      "--uts",
      "--ipc",
      "--pid",
      "--fork",
      "--kill-child",
      "sh",
      "-c",
      INIT,
    ],
    { stdio: ["ignore", "ignore", "inherit"], env: { ...process.env, DISK: disk, NAME: name, SHARED: shared } },
  );
  inits.push(init);
  const enter = (): string[] => ["--target", String(firstProcess(init)), "--all", "--root", "--wd"];
  return {
    name,
    address,
    run: async (command, environment = {}) => {
      const child = spawn("nsenter", [...enter(), ...command], {
        stdio: ["ignore", "pipe", "pipe"],
        env: { ...process.env, ...environment },
      });
      let text = "";
      for (const stream of [child.stdout, child.stderr]) stream.on("data", (bytes) => (text += bytes));
      const [code] = (await once(child, "close")) as [number | null];
      return { code, text };
    },
    start: (command, environment = {}) => {
      const options = { detached: true, stdio: "ignore" as const, env: { ...process.env, ...environment } };
      spawn("nsenter", [...enter(), ...command], options).unref();
    },
  };
}

/** The machine's own process 1: the only child of `unshare`, which `nsenter` has become. */
function firstProcess({ pid }: ChildProcess): number {
  const { stdout } = spawnSync("ps", ["-o", "pid=", "--ppid", String(pid)], { encoding: "utf8" });
  const found = Number(stdout.trim().split("\n")[0]);
  if (!Number.isInteger(found) || found <= 0) throw new Error("a machine has no process 1");
  return found;
}

async function answers(address: string): Promise<void> {
  const untilMs = performance.now() + READY_MS;
  while (!(await connects(address))) {
    if (performance.now() > untilMs) throw new Error(`the machine at ${address} does not answer`);
    await sleep(50);
  }
}

function connects(address: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port: 22 });
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}

async function removeAll(folder: string, names: readonly string[], inits: readonly ChildProcess[]): Promise<void> {
  for (const init of inits) {
    if (init.exitCode !== null || init.signalCode !== null) continue;
    const ended = once(init, "exit");
    // With its process 1 everything in it ends, its mounts too.
    init.kill("SIGKILL");
    await ended;
  }
  for (const name of names) spawnSync("ip", ["netns", "delete", namespaceOf(name)]);
  spawnSync("ip", ["link", "delete", BRIDGE]);
  for (let attempt = 0; attempt < 50; attempt += 1) {
    if (spawnSync("umount", [folder]).status === 0) break;
    await sleep(100);
  }
  rmdirSync(folder);
}
