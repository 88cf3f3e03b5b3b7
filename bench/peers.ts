import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Machine, Machines } from "./machines.ts";

/** A version to be released. */
export interface Release {
  readonly version: string;
  /** A .tar.gz on this machine. */
  readonly archive: string;
}

/** A way to release it. */
export interface Peer {
  readonly name: string;
  /** Where its application listens on every machine. */
  readonly port: number;
  /** Brings the version onto all machines, and answers when it is healthy everywhere; with what its phases took, in ms. */
  release(release: Release): Promise<Readonly<Record<string, number>>>;
  /** Ends its application. */
  end(): Promise<void>;
}

export interface Place {
  readonly folder: string;
  readonly machines: Machines;
  readonly keyFile: string;
  /** Serves the archives to the machines. */
  readonly fileUrl: string;
}

const NODE = process.execPath;

/** Stop what runs and wait until it is gone, start the new one, wait until it answers: the same for everybody who works by shell. */
function switchScript(port: number, address: string): { stop: string; start: string; healthy: string } {
  const pid = `/srv/${port}.pid`;
  return {
    stop: `if [ -f ${pid} ]; then old=$(cat ${pid}); kill $old; while kill -0 $old 2>/dev/null; do sleep 0.05; done; fi`,
    start: `HOST=${address} PORT=${port} setsid ${NODE} server.mjs >/srv/${port}.log 2>&1 </dev/null & echo $! >${pid}`,
    healthy: `until curl -sf -o /dev/null http://${address}:${port}/; do sleep 0.05; done`,
  };
}

const endAll = async (machines: readonly Machine[], port: number): Promise<void> => {
  await Promise.all(machines.map(({ run }) => run(["sh", "-c", `kill $(cat /srv/${port}.pid)`])));
};

/** What no way of releasing gets around: the bytes over the wire, unpacking, the start, on all machines at once. */
export function limit({ machines: { all }, fileUrl }: Place): Peer {
  const port = 8084;
  return {
    name: "limit",
    port,
    release: async ({ version, archive }) => {
      const file = `${fileUrl}/${archive.split("/").at(-1)}`;
      const beganAt = Date.now();
      const work = async ({ address, run }: Machine): Promise<number> => {
        const { stop, start, healthy } = switchScript(port, address);
        const folder = `/srv/limit-${version}`;
        const unpack = `mkdir -p ${folder}; cd ${folder}; curl -sf ${file} | tar -xzf -; date +%s%3N`;
        return Number(await checked(run(["sh", "-c", `set -e; ${unpack}; ${stop}; ${start}; ${healthy}`])));
      };
      const unpackedAt = Math.max(...(await Promise.all(all.map(work))));
      return { "transfer and unpacking": unpackedAt - beganAt, "stop, start, healthy": Date.now() - unpackedAt };
    },
    end: async () => await endAll(all, port),
  };
}

async function checked(running: Promise<{ code: number | null; text: string }>): Promise<string> {
  const { code, text } = await running;
  if (code !== 0) throw new Error(`a machine answers ${code}: ${text.slice(-500)}`);
  return text;
}

const SSH = ["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR"];

/** All machines in parallel, one ssh connection each, the archive on its standard input. */
export function sshTar({ machines: { all }, keyFile }: Place): Peer {
  const port = 8083;
  return {
    name: "ssh + tar",
    port,
    release: async ({ version, archive }) => {
      const work = async ({ address }: Machine): Promise<void> => {
        const { stop, start, healthy } = switchScript(port, address);
        const folder = `/srv/ssh-${version}`;
        const script = `set -e; mkdir -p ${folder}; cd ${folder}; tar -xzf -; ${stop}; ${start}; ${healthy}`;
        const ssh = `exec ssh ${SSH.join(" ")} -i '${keyFile}' root@${address} "$SCRIPT" <'${archive}'`;
        await checked(runHere(["sh", "-c", ssh], { SCRIPT: script }));
      };
      await Promise.all(all.map(work));
      return {};
    },
    end: async () => await endAll(all, port),
  };
}

async function runHere(
  [command = "", ...args]: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<{ code: number | null; text: string }> {
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, ...environment } });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (bytes) => (text += bytes));
  const [code] = (await once(child, "close")) as [number | null];
  return { code, text };
}

/** Ansible as its users run it when they care for speed: pipelining, kept connections, a fork for every machine. */
export function ansible({ machines: { all }, keyFile, folder }: Place): Peer {
  const port = 8082;
  const inventory = join(folder, "inventory");
  const playbook = join(folder, "playbook.json");
  const environment = {
    ANSIBLE_PIPELINING: "1",
    ANSIBLE_FORKS: "30",
    ANSIBLE_HOST_KEY_CHECKING: "0",
    ANSIBLE_SSH_ARGS: `${SSH.join(" ")} -o ControlMaster=auto -o ControlPersist=60s`,
    ANSIBLE_SSH_CONTROL_PATH_DIR: join(folder, "cp"),
    ANSIBLE_NOCOLOR: "1",
    ANSIBLE_LOCALHOST_WARNING: "0",
    LC_ALL: "C.UTF-8",
  };
  return {
    name: "ansible",
    port,
    release: async ({ version, archive }) => {
      const hosts = all.map(({ name, address }) => `${name} ansible_host=${address}`);
      const variables = `[all:vars]\nansible_user=root\nansible_ssh_private_key_file=${keyFile}\nansible_python_interpreter=/usr/bin/python3`;
      await writeFile(inventory, `${hosts.join("\n")}\n${variables}\n`);
      // Every JSON document is a YAML document.
      await writeFile(playbook, JSON.stringify([playOf(port, { version, archive })]));
      await checked(runHere(["ansible-playbook", "-i", inventory, playbook], environment));
      return {};
    },
    end: async () => await endAll(all, port),
  };
}

function playOf(port: number, { version, archive }: Release): Record<string, unknown> {
  const { stop, start } = switchScript(port, "{{ ansible_host }}");
  const chdir = `/srv/ansible-${version}`;
  return {
    hosts: "all",
    gather_facts: false,
    tasks: [
      { name: "folder", file: { path: chdir, state: "directory" } },
      { name: "unpack", unarchive: { src: archive, dest: chdir } },
      { name: "stop", shell: stop },
      { name: "start", shell: start, args: { chdir } },
      {
        name: "healthy",
        uri: { url: `http://{{ ansible_host }}:${port}/` },
        register: "answer",
        until: "answer.status == 200",
        retries: 60,
        delay: 1,
      },
    ],
  };
}
